"""What is read out of a service description."""

import pytest

from hereditary_kg.federation.transport.service_description import read_service_description

TURTLE = """
@prefix void: <http://rdfs.org/ns/void#> .
<> <http://www.w3.org/2000/01/rdf-schema#label> "label" ;
   <http://purl.org/dc/terms/title> "title"@en .
<#d> void:triples 12 ; void:propertyPartition [ void:triples 5 ] .
"""


@pytest.mark.parametrize(
    ("content", "media_type", "found"),
    [
        (TURTLE, "text/turtle", ("title", 12)),
        ("<> <http://www.w3.org/2000/01/rdf-schema#label> 'x' .", "text/turtle", ("x", None)),
        ("<> <http://rdfs.org/ns/void#triples> 'many' .", "text/turtle", (None, None)),
        ("no turtle", "text/turtle", (None, None)),
        ("<html>", "text/html", (None, None)),
    ],
)
def test_title_and_size_are_found(content, media_type, found):
    assert read_service_description(content.encode(), media_type, "http://e/") == found
