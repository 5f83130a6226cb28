"""What changes from one version to another, and which saved queries with it."""

import polars as pl
import pytest
from reference_files import DATA
from small_hub import MONDO, mapping_rows

from hereditary_kg.semantics.drift import (
    Snapshot,
    both_in_place,
    find_changes,
    find_query_drift,
    read_snapshot,
)
from hereditary_kg.semantics.hub import Hub
from hereditary_kg.semantics.hub_files import write_hub
from hereditary_kg.semantics.saved_queries import SavedQuery, codes_of_query, read_saved_queries
from hereditary_kg.semantics.terminology import EDGES, TERMS, Terminology

NEW = Terminology(
    "MONDO",
    "2026-08-04",
    pl.DataFrame(
        [
            ("MONDO:0004976", "motor neuron disease", "A disease.", False, []),
            ("MONDO:0005144", None, None, True, ["MONDO:0004976"]),
            ("MONDO:0007103", "amyotrophic lateral sclerosis type 1", None, False, []),
            ("MONDO:0000001", "disease", None, False, []),
            ("MONDO:0000008", "oddity", None, False, []),
            ("MONDO:0000077", "ALS 77", None, False, []),
        ],
        schema=TERMS,
        orient="row",
    ),
    edges=pl.DataFrame(
        [
            ("MONDO:0007103", "MONDO:0004976"),
            ("MONDO:0004976", "MONDO:0000001"),
            ("MONDO:0000077", "MONDO:0004976"),
        ],
        schema=EDGES,
        orient="row",
    ),
)
OLD_SET = [
    ("MONDO:0004976", "skos:exactMatch", "NCIT:C34373"),
    ("MONDO:0007103", "skos:exactMatch", "OMIM:105400"),
    ("MONDO:0000001", "skos:exactMatch", "NCIT:C2991"),
]
NEW_SET = [
    ("MONDO:0004976", "skos:broadMatch", "NCIT:C34373"),
    ("MONDO:0007103", "skos:exactMatch", "OMIM:105400"),
    ("MONDO:0000077", "skos:exactMatch", "OMIM:777777"),
]


def told(changes):
    return [tuple(value for value in row if value is not None) for row in changes.iter_rows()]


def test_terms():
    changes = find_changes(Snapshot("old", {"MONDO": MONDO}), Snapshot("new", {"MONDO": NEW}))
    assert told(changes) == [
        (
            "term gone, replaced",
            "MONDO:0005144",
            "familial amyotrophic lateral sclerosis",
            "MONDO:0004976",
        ),
        ("term gone, not replaced", "MONDO:0000005", "lonely disease", "absent"),
        ("term new", "MONDO:0000008", "oddity", "obsolete"),
        ("term new", "MONDO:0000077", "ALS 77", "absent"),
        (
            "term relabelled",
            "MONDO:0004976",
            "motor neuron disease",
            "amyotrophic lateral sclerosis",
            "motor neuron disease",
        ),
        (
            "term with other parents",
            "MONDO:0007103",
            "amyotrophic lateral sclerosis type 1",
            "MONDO:0005144",
            "MONDO:0004976",
        ),
    ]
    same = Snapshot("new", {"MONDO": NEW})
    assert find_changes(same, same).is_empty()


def test_mappings():
    old = Snapshot("old", mappings=mapping_rows(OLD_SET))
    surer = mapping_rows(NEW_SET).with_columns(confidence=pl.lit(0.95))
    denied = mapping_rows([OLD_SET[2]])
    changes = find_changes(old, Snapshot("new", mappings=surer, denied=denied))
    assert told(changes) == [
        ("mapping new", "MONDO:0000077", "OMIM:777777", "skos:exactMatch"),
        (
            "mapping says something else",
            "MONDO:0000001",
            "NCIT:C2991",
            "skos:exactMatch",
            "not skos:exactMatch",
        ),
        (
            "mapping says something else",
            "MONDO:0004976",
            "NCIT:C34373",
            "skos:exactMatch",
            "skos:broadMatch",
        ),
        ("mapping with other confidence", "MONDO:0007103", "OMIM:105400", "0.9", "0.95"),
    ]


def test_queries_change_by_codes_and_records():
    hub = Hub({"MONDO": MONDO}, mapping_rows(OLD_SET))
    old = Snapshot("old", mappings=mapping_rows(OLD_SET))
    new = Snapshot("new", mappings=mapping_rows(NEW_SET, "https://example.org/other.tsv"))
    before, after = both_in_place(hub, old, new)
    assert before.mappings.height == after.mappings.height == 3
    queries = [
        SavedQuery("als", frozenset({"MONDO:0004976"})),
        SavedQuery("one", frozenset({"MONDO:0007103"})),
        SavedQuery("none"),
    ]
    als, one = find_query_drift(queries, before, after, {"NCIT:C34373": 5, "OMIM:105400": 7})
    assert (als.before, als.after) == (5, 4)
    assert (als.lost, als.gained) == (("NCIT:C34373",), ())
    assert (als.records_lost, als.records_gained) == (5, 0)
    assert not one.changed
    terms = both_in_place(hub, Snapshot("old", {"MONDO": MONDO}), Snapshot("new", {"MONDO": NEW}))
    als = find_query_drift(queries[:1], *terms)[0]
    assert (als.lost, als.gained) == (("MONDO:0005144",), ("MONDO:0000077",))
    assert als.records_lost is None


def test_codes_of_queries(tmp_path):
    text = """# NCIT:C1 in a comment is none
    PREFIX ncit: <http://purl.obolibrary.org/obo/NCIT_>
    PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
    SELECT * { ?a a ncit:C34373 ; skos:exactMatch <https://omim.org/entry/105400> .
      VALUES ?code { "ORPHA:803" "G12.2" MONDO:0004976 } }"""
    assert codes_of_query(text) == {"NCIT:C34373", "OMIM:105400", "ORPHA:803", "MONDO:0004976"}
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "als.rq").write_text(text)
    assert [query.name for query in read_saved_queries(tmp_path)] == ["deep/als"]


def test_a_hub_on_disk_is_a_snapshot(tmp_path):
    for name, terminology, rows in (("old", MONDO, OLD_SET), ("new", NEW, NEW_SET)):
        write_hub(Hub({"MONDO": terminology}, mapping_rows(rows)), tmp_path / name)
    old, new = read_snapshot(tmp_path / "old"), read_snapshot(tmp_path / "new")
    changes = find_changes(old, new)
    assert changes["change"].n_unique() == 8
    before, after = both_in_place(Hub(), old, new)
    query = SavedQuery("als", frozenset({"MONDO:0004976"}))
    assert find_query_drift([query], before, after)[0].changed


FILES = [
    DATA / "ontologies-json" / f"MONDO-ontology-v{version}.json.zst"
    for version in ("2025-02-04", "2026-05-05")
]


@pytest.mark.skipif(
    not all(path.is_file() for path in FILES),
    reason="two versions of MONDO are not beside the project (../shared/data/ontologies-json)",
)
@pytest.mark.timeout(600)
def test_two_versions_of_mondo():
    old, new = (read_snapshot(path) for path in FILES)
    changes = find_changes(old, new)
    counts = dict(changes["change"].value_counts().iter_rows())
    one, other = old.terminologies["MONDO"].terms, new.terminologies["MONDO"].terms
    # By another way: sets of Python.
    in_use = [set(each.filter(~pl.col("obsolete"))["id"]) for each in (one, other)]
    assert counts["term new"] == len(in_use[1] - in_use[0])
    gone = counts.get("term gone, replaced", 0) + counts.get("term gone, not replaced", 0)
    assert gone == len(in_use[0] - in_use[1])
    labels = [dict(each.select("id", "label").iter_rows()) for each in (one, other)]
    both = in_use[0] & in_use[1]
    assert counts["term relabelled"] == sum(labels[0][n] != labels[1][n] for n in both)
    query = SavedQuery("neurodegeneration", frozenset({"MONDO:0005559"}))
    drift = find_query_drift([query], *both_in_place(Hub(), old, new))[0]
    assert drift.changed
    assert drift.after - drift.before == len(drift.gained) - len(drift.lost)
