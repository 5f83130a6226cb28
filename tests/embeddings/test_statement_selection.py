"""Statements: what is read of them is what a query written by hand gives, and nothing else."""

import tomllib
from pathlib import Path

import pytest

from hereditary_kg.embeddings.errors import SelectionError
from hereditary_kg.embeddings.label_kinds import Namespaces
from hereditary_kg.embeddings.selection import Selection, read_selection, select_triples
from hereditary_kg.embeddings.statement_selection import StatementSelection, Value
from hereditary_kg.federation.description_lines import find_key_lines
from hereditary_kg.federation.description_tables import TableReader
from hereditary_kg.sites import Site

OBO = "http://purl.obolibrary.org/obo/"
EX = "http://example.org/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
SHOWS, FOUND, OF, IN = f"{EX}shows", f"{EX}found", f"{EX}of", f"{EX}in"
DATA = f"""\
@prefix ex: <{EX}> .
@prefix obo: <{OBO}> .
@prefix rdf: <{RDF}> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
ex:a1 a ex:Association ; rdf:subject obo:D_1 ; rdf:predicate ex:shows ; rdf:object obo:HP_1 .
ex:a2 a ex:Curated ; rdf:subject obo:D_1 ; rdf:predicate ex:treats ; rdf:object obo:HP_2 ;
    ex:level ex:strong .
ex:a3 a ex:Association ; rdf:subject obo:D_2 ; rdf:predicate ex:shows ; rdf:object obo:HP_1 ;
    ex:negated true ; ex:level "strong"@en .
ex:a4 a ex:Association ; rdf:subject obo:D_2 ; rdf:predicate ex:shows ; rdf:object obo:HP_2 ;
    ex:negated false , "1" .
ex:a5 a ex:Association ; rdf:subject obo:D_3 ; rdf:predicate "shows" ; rdf:object obo:HP_2 .
ex:a6 a ex:Association ; rdf:subject obo:D_3 ; rdf:predicate ex:shows ; rdf:object "HP:2" .
ex:a7 a ex:Note ; rdf:subject obo:D_9 ; rdf:predicate ex:shows ; rdf:object obo:HP_9 .
ex:a8 a ex:Association ; rdf:subject obo:D_1 ; rdf:predicate ex:shows ; rdf:object obo:HP_1 .
ex:Curated rdfs:subClassOf ex:Association .
ex:report1 ex:of ex:anna ; ex:in ex:f1 , ex:f2 .
ex:report2 ex:of ex:bob ; ex:in ex:f3 .
ex:f1 a ex:Finding ; ex:found obo:HP_1 .
ex:f2 a ex:Finding ; ex:found obo:HP_2 ; ex:absent true .
ex:f3 a ex:Finding ; ex:found obo:HP_2 .
obo:HP_1 rdfs:label "eins"@de , "one"@en .
obo:HP_2 rdfs:label "zwei"@de , 2 .
obo:D_1 rdfs:label "first  disease" .
ex:anna rdfs:label "Anna A." .
"""
PREFIXES = f"PREFIX ex: <{EX}> PREFIX rdf: <{RDF}> PREFIX obo: <{OBO}>\n"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site.create(tmp_path / "registry", name="registry")
    (tmp_path / "data.ttl").write_text(DATA)
    site.load([tmp_path / "data.ttl"])
    return site


def select(site, *statements):
    return select_triples(site, Selection((), Namespaces((OBO,)), statements))


def ask(site: Site, pattern: str) -> set[tuple[str, str, str]]:
    """Give the links between IRIs that a query written by hand finds."""
    query = (
        f"{PREFIXES} SELECT ?s ?p ?o {{ {pattern} FILTER(isIRI(?s) && isIRI(?p) && isIRI(?o)) }}"
    )
    with Site.open(site.directory) as opened:
        found = opened.open_store().query(query)
        return {tuple(row[name].value for name in "spo") for row in found}


def test_reified_statements_are_read_with_their_own_relation(site):
    selected = select(site, StatementSelection((f"{EX}Association",)))
    expected = ask(
        site,
        "{ ?a a ex:Association } UNION { ?a a ex:Curated } "
        "?a rdf:subject ?s ; rdf:predicate ?p ; rdf:object ?o",
    )
    assert set(selected.triples.labels()) == expected
    assert len(expected) == 4
    assert set(selected.triples.relations) == {SHOWS, f"{EX}treats"}
    # A relation and an object that are literals; a5 and a6.
    assert (selected.literals, selected.blank_nodes) == (2, 0)


def test_a_relation_can_be_named_and_negated_statements_left_out(site):
    negated = Value(f"{EX}negated", ("true", "1"))
    selected = select(
        site, StatementSelection((f"{EX}Association",), f"{EX}linked", without=(negated,))
    )
    expected = ask(
        site,
        "?a a/<http://www.w3.org/2000/01/rdf-schema#subClassOf>* ex:Association ; "
        "rdf:subject ?s ; rdf:object ?o . BIND(ex:linked AS ?p) "
        "MINUS { ?a ex:negated true } MINUS { ?a ex:negated '1' }",
    )
    assert set(selected.triples.labels()) == expected
    # a5 counts now that its predicate is not read; a3 and a4 are negated.
    assert expected == {
        (f"{OBO}D_{disease}", f"{EX}linked", f"{OBO}HP_{feature}")
        for disease, feature in ((1, 1), (1, 2), (3, 2))
    }


@pytest.mark.parametrize(
    ("text", "subjects"), [("strong", {"D_2"}), (f"{EX}strong", {"D_1"}), ('st"rong\\', set())]
)
def test_values_are_compared_as_texts(site, text, subjects):
    chosen = StatementSelection((f"{EX}Association",), SHOWS, only=(Value(f"{EX}level", (text,)),))
    everything = StatementSelection((f"{EX}Note",), SHOWS)
    found = select(site, chosen, everything).triples.labels()
    assert {head.removeprefix(OBO) for head, _, _ in found} - {"D_9"} == subjects


def test_paths_lead_to_persons_who_stay_local(site):
    finding = StatementSelection(
        (f"{EX}Finding",),
        SHOWS,
        subject_path=(f"^{IN}", OF),
        object_path=(FOUND,),
        without=(Value(f"{EX}absent", ("true", "1")),),
    )
    selected = select(site, finding)
    expected = ask(
        site,
        "?report ex:of ?s ; ex:in ?f . ?f ex:found ?o . BIND(ex:shows AS ?p) "
        "FILTER NOT EXISTS { ?f ex:absent true }",
    )
    assert set(selected.triples.labels()) == expected
    assert expected == {
        (f"{EX}anna", SHOWS, f"{OBO}HP_1"),
        (f"{EX}bob", SHOWS, f"{OBO}HP_2"),
    }
    assert not any(map(selected.namespaces.is_public, (f"{EX}anna", f"{EX}bob", SHOWS)))
    # The nodes between are no entities, and persons have no names.
    assert len(selected.triples.entities) == 4
    assert selected.names == {f"{OBO}HP_1": "one", f"{OBO}HP_2": "zwei"}


def test_names_are_of_public_entities_in_the_selection(site):
    assert select(site, StatementSelection((f"{EX}Association",))).names == {
        f"{OBO}D_1": "first disease",
        f"{OBO}HP_1": "one",
        f"{OBO}HP_2": "zwei",
    }


def test_blank_nodes_are_left_out_and_counted(tmp_path):
    site = Site.create(tmp_path / "registry", name="registry")
    blank = DATA.replace("rdf:subject obo:D_1", "rdf:subject []")
    (tmp_path / "data.ttl").write_text(blank)
    site.load([tmp_path / "data.ttl"], skolemise=False)
    selected = select(site, StatementSelection((f"{EX}Association",)))
    assert (selected.literals, selected.blank_nodes) == (2, 3)
    assert len(selected.triples) == 2


def test_no_statement_is_explained(site):
    with pytest.raises(SelectionError, match=rf"no statement of .*The nearest classes.*{EX}Assoc"):
        select(site, StatementSelection((f"{EX}Associations",)))
    with pytest.raises(SelectionError, match=r"no statement of the selected classes and paths"):
        select(site, StatementSelection((f"{EX}Finding",)))


TABLE = f"""\
[selection]
shared_namespaces = ["{OBO}"]

[[selection.statements]]
classes = ["{EX}Finding"]
relation = "{SHOWS}"
subject_path = ["^{IN}", "{OF}"]
object_path = ["{FOUND}"]
only = {{ "{EX}level" = "strong" }}

[selection.statements.without]
"{EX}absent" = true

[[selection.statements]]
classes = ["{EX}Association"]
"""


def read(text: str) -> Selection:
    table = TableReader(Path("training.toml"), find_key_lines(text), (), tomllib.loads(text))
    return read_selection(table.table("selection"))


def test_a_table_is_read():
    finding, association = read(TABLE).statements
    assert finding == StatementSelection(
        (f"{EX}Finding",),
        SHOWS,
        subject_path=(f"^{IN}", OF),
        object_path=(FOUND,),
        only=(Value(f"{EX}level", ("strong",)),),
        without=(Value(f"{EX}absent", ("true", "1")),),
    )
    assert association.subject_path == (f"{RDF}subject",)
    assert association.relation is None
    assert read(TABLE.replace("= true", "= false")).statements[0].without == (
        Value(f"{EX}absent", ("false", "0")),
    )


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (f'["{EX}Finding"]', "[]", r":5: .*classes: is missing; name one"),
        (f'classes = ["{EX}Finding"]', "", r":4: .*classes: is missing; name one"),
        (f'["^{IN}"', f'["^^{IN}"', r":7: .*is no IRI"),
        (f'["{FOUND}"]', f'["<{FOUND}>*"]', r":8: .*is no IRI"),
        (f'["{FOUND}"]', f'["{FOUND}|{OF}"]', r":8: .*is no IRI"),
        (f'["{FOUND}"]', "[]", r":8: .*has no step"),
        ("= true", "= 1", r":12: .*must be a text"),
        (f'"{EX}absent"', '"absent"', r":12: .*is no IRI"),
        ("object_path", "object", r":8: .*did you mean 'object_path'\?"),
        ("object_path", "relation_path", r":8: .*there is a relation as well"),
    ],
)
def test_a_wrong_table_is_told_by_line(old, new, told):
    with pytest.raises(SelectionError, match=r"^training\.toml" + told):
        read(TABLE.replace(old, new))
