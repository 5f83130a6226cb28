"""What follows from mappings by SSSOM's chain rules, and where they contradict each other."""

from itertools import product

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_files import DATA, needs_reference

from hereditary_kg.semantics.findings import Kind
from hereditary_kg.semantics.hub import MAPPINGS
from hereditary_kg.semantics.readers import read_terminology
from hereditary_kg.semantics.sssom import read_mapping_set
from hereditary_kg.semantics.sssom.chaining import Chains, contradictions
from hereditary_kg.semantics.terminology import EDGES, Terminology

E, B, N = "skos:exactMatch", "skos:broadMatch", "skos:narrowMatch"
CLOSE, RELATED, XREF = "skos:closeMatch", "skos:relatedMatch", "oboInOwl:hasDbXref"


def rows(*triples, **values):
    given_ = {"justification": "semapv:ManualMappingCuration", "licence": "CC0", **values}
    frame = pl.DataFrame(triples, schema=["subject", "predicate", "object"], orient="row")
    place = pl.int_range(1, pl.len() + 1).cast(pl.String)
    frame = frame.with_columns(source=pl.concat_str(pl.lit("set#"), place))
    frame = frame.with_columns(**{name: pl.lit(value) for name, value in given_.items()})
    missing = [name for name in MAPPINGS if name not in frame.columns]
    frame = frame.with_columns(pl.lit(None).alias(name) for name in missing)
    return frame.select(pl.col(name).cast(kind) for name, kind in MAPPINGS.items())


CHAINED = {
    (E, E): E,
    (E, B): B,
    (B, E): B,
    (B, B): B,
    (E, N): N,
    (N, E): N,
    (N, N): N,
    ("owl:equivalentClass", "rdfs:subClassOf"): B,
}
PREDICATES = [E, B, N, CLOSE, RELATED, XREF]


@pytest.mark.parametrize(
    ("one", "other"), [*product(PREDICATES, PREDICATES), ("owl:equivalentClass", "rdfs:subClassOf")]
)
def test_two_mappings_make_what_the_rules_say(one, other):
    found = Chains(rows(("A:1", one, "B:1"), ("B:1", other, "C:1"))).between("A", "C")
    expected = CHAINED.get((one, other))
    assert found["predicate"].to_list() == ([expected] if expected else [])


def test_inferred_rows_say_from_what():
    mappings = rows(("A:1", E, "B:1"), ("C:1", N, "B:1"), ("C:1", E, "D:1"), confidence=0.5)
    found = Chains(mappings).between("A", "D")
    assert found.row(0, named=True) == {
        "subject": "A:1",
        "predicate": B,
        "object": "D:1",
        "justification": "semapv:MappingChaining",
        "confidence": 0.125,
        "author": None,
        "reviewer": None,
        "source": "set#1 set#2 set#3",
        "licence": "CC0",
    }
    assert Chains(mappings).between("A", "B").is_empty()  # asserted already
    assert Chains(mappings).between("D", "A")["predicate"].to_list() == [N]


def test_that_it_is_the_same_says_more_than_that_it_is_broader():
    mappings = rows(
        ("A:1", B, "B:1"),
        ("B:1", E, "D:1"),
        ("A:1", E, "C:1"),
        ("C:1", E, "E:1"),
        ("E:1", E, "D:1"),
    )
    assert Chains(mappings).between("A", "D")["predicate"].to_list() == [E]


TERMS = st.sampled_from([f"{vocabulary}:{number}" for vocabulary in "ABC" for number in "12"])
TRIPLES = st.lists(st.tuples(TERMS, st.sampled_from(PREDICATES), TERMS), max_size=9)


@given(TRIPLES)
def test_chains_are_the_closure_of_the_rules(triples):
    inverse = {E: E, B: N, N: B}
    facts = {(a, p, b) for a, p, b in triples if p in inverse}
    facts |= {(b, inverse[p], a) for a, p, b in facts}
    while True:
        more = {
            (a, CHAINED[p, q], d)
            for (a, p, b), (c, q, d) in product(facts, facts)
            if b == c and (p, q) in CHAINED
        } - facts
        if not more:
            break
        facts |= more
    found = set(
        Chains(rows(*triples)).between("A", "B").select("subject", "predicate", "object").rows()
    )
    assert found <= facts
    asserted = {(a, b) for a, p, b in triples if p in inverse} | {
        (b, a) for a, p, b in triples if p in inverse
    }
    wanted = {(a, b) for a, _, b in facts if a[0] == "A" and b[0] == "B"}
    assert wanted - asserted <= {(a, b) for a, _, b in found} <= wanted
    exact = {(a, b) for a, p, b in facts if p == E and a[0] == "A" and b[0] == "B"}
    assert {(a, b) for a, p, b in found if p == E} >= exact - asserted


def test_what_is_not_so_is_not_so_for_what_is_the_same():
    chains = Chains(rows(("A:1", E, "B:1"), ("C:1", E, "D:1"), ("D:1", B, "E:1")))
    denied = chains.denied(rows(("B:1", E, "C:1"), ("B:1", B, "E:1")))
    assert set(denied.select("subject", "object").rows()) == {
        *(("B:1", "C:1"), ("A:1", "C:1"), ("B:1", "D:1"), ("A:1", "D:1"), ("B:1", "E:1")),
    }


def tree(*edges):
    frame = pl.DataFrame(edges, schema=EDGES, orient="row")
    return Terminology("A", edges=frame)


def kinds(findings):
    return [(each.kind, each.text) for each in findings]


def test_the_same_as_two_of_one_vocabulary():
    mappings = rows(("A:1", E, "B:1"), ("A:2", E, "B:1"))
    [(kind, text)] = kinds(contradictions(mappings))
    assert (kind, text) == (Kind.AMBIGUOUS, "A:1 and A:2 are the same by set#1, set#2")
    [(kind, text)] = kinds(
        contradictions(mappings, terminologies=[tree(("A:1", "A:3"), ("A:3", "A:2"))])
    )
    assert kind == Kind.CONTRADICTION
    assert text.endswith("but A:2 is above A:1 in their hierarchy")
    disjoint = pl.DataFrame({"one": ["A:8"], "other": ["A:9"]})
    forest = tree(("A:1", "A:8"), ("A:2", "A:9"))
    [(kind, text)] = kinds(contradictions(mappings, terminologies=[forest], disjoint=disjoint))
    assert kind == Kind.CONTRADICTION
    assert text.endswith("but A:8 and A:9 are disjoint")


def test_cycles_of_what_is_broader():
    mappings = rows(("A:1", B, "B:1"), ("B:1", E, "C:1"), ("A:1", N, "C:1"))
    [(kind, text)] = kinds(contradictions(mappings))
    assert kind == Kind.CONTRADICTION
    assert "set#1" in text
    assert "set#3" in text
    assert contradictions(rows(("A:1", B, "B:1"), ("B:1", B, "C:1"), ("A:1", B, "C:1"))) == ()


def test_the_same_and_broader():
    found = contradictions(rows(("A:1", E, "B:1"), ("B:1", E, "C:1"), ("A:1", B, "C:1")))
    assert kinds(found) == [
        (Kind.CONTRADICTION, "C:1 is both broader than A:1 and the same: set#3, set#1, set#2")
    ]


def test_what_is_denied_and_said():
    mappings = rows(("A:1", E, "B:1"), ("B:1", E, "C:1"), ("A:2", B, "C:1"))
    denied = rows(("B:1", E, "A:1"), ("C:1", E, "A:1"), ("C:1", N, "A:2"), ("A:2", E, "C:1"))
    texts = [text for _, text in kinds(contradictions(mappings, denied))]
    assert len(texts) == 3
    assert texts[0].endswith("said to be by set#1")
    assert texts[1].endswith("follows from set#2, set#1")
    assert texts[2].endswith("said to be by set#3")


@needs_reference
def test_chains_through_mondo():
    mappings = read_mapping_set(DATA / "mondo/mondo.sssom.full-2025.tsv.gz").to_hub_rows()
    found = Chains(mappings).between("OMIM", "NCIT")
    pairs = dict(found.select("subject", "object").iter_rows())
    assert pairs["OMIM:100100"] == "NCIT:C85033"
    assert set(found["justification"]) == {"semapv:MappingChaining"}
    assert (found["source"].str.count_matches("#") >= 2).all()


@needs_reference
def test_contradictions_between_mondo_and_biomappings():
    files = sorted((DATA / "mondo/mappings").glob("*match_*.tsv.gz"))
    mappings = pl.concat([read_mapping_set(path).to_hub_rows() for path in files])
    negative = read_mapping_set(DATA / "biomappings/negative.sssom.tsv.gz").to_hub_rows(
        negated=True
    )
    mondo = read_terminology(DATA / "ontologies-json/MONDO-ontology-v2026-05-05.json.zst").main
    found = contradictions(mappings, negative, [mondo])
    assert any("DOID:0001816 is denied" in each.text for each in found)
    assert {each.kind for each in found} == {Kind.AMBIGUOUS, Kind.CONTRADICTION}
