"""The data of two small sites, and a federation of them."""

CLINIC = """\
@prefix ex: <http://example.org/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
ex:ann a ex:Patient ; ex:age 71 ; ex:has ex:als ; rdfs:label "Ann"@en .
ex:bob a ex:Patient ; ex:age 58 ; ex:has ex:als ; rdfs:label "Bob"@en .
ex:als rdfs:label "Amyotrophic lateral sclerosis"@en .
"""

REGISTRY = """\
@prefix ex: <http://example.org/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
ex:als rdfs:label "Amyotrophic lateral sclerosis"@en , "Amyotrophe Lateralsklerose"@de .
ex:sod1 ex:causes ex:als .
ex:tardbp ex:causes ex:als .
"""

DESCRIPTION = """\
name = "test"
title = "Two sites"

[prefixes]
ex = "http://example.org/"
rdfs = "http://www.w3.org/2000/01/rdf-schema#"

[[member]]
name = "clinic"
site = "clinic"

[[member]]
name = "registry"
site = "registry"
"""

GENES = "SELECT ?patient ?gene { ?patient ex:has ?d . ?gene ex:causes ?d } ORDER BY ?patient ?gene"
