"""Matching: what is proposed, and what never is."""

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hereditary_kg.semantics.matching import EVIDENCE, as_mapping_set, match
from hereditary_kg.semantics.matching.assignment import assign
from hereditary_kg.semantics.matching.confidence import STEPS, confidence, score_of
from hereditary_kg.semantics.matching.words import words_of
from hereditary_kg.semantics.sssom import read_mapping_set, validate, write_mapping_set
from tests.semantics.small_terminologies import terminology

ONE = terminology(
    "MA",
    {"1": "heart", "2": "left lung", "3": "right lung", "4": "lung", "5": "organ", "6": "gone"},
    [("1", "cor", "exact")],
    [("1", "5"), ("4", "5"), ("2", "4"), ("3", "4")],
    obsolete=["6"],
)
OTHER = terminology(
    "NCIT",
    {"C1": "Heart", "C2": "Lung, Left", "C3": "Right_Lung", "C4": "Lungs", "C5": "Organ"}
    | {"C6": "gone", "C7": "Knee"},
    edges=[("C1", "C5"), ("C4", "C5"), ("C2", "C4"), ("C3", "C4")],
)
RIGHT = {(f"MA:{number}", f"NCIT:C{number}") for number in range(1, 6)}


def pairs(proposals) -> set[tuple[str, str]]:
    return {(each.subject, each.object) for each in proposals}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Haemoglobin SC diseases", "hemoglobin SC disease"),
        ("Diabetes, Type II", "type 2 diabetes"),
        ("β-thalassaemia", "beta thalassemia"),
        ("First sacral vertebra", "S1 Vertebrae"),
        ("Bowman_s_Capsule", "Bowman's capsule"),
        ("oedema", "edema"),
        ("Ganglia of the spine", "ganglion of spine"),
        ("Birt-Hogg-Dubé syndrome", "birt hogg dube syndrome"),
    ],
)
def test_names_have_the_same_words(one: str, other: str) -> None:
    assert sorted(words_of(one)) == sorted(words_of(other))


def test_words_that_differ_stay_apart() -> None:
    assert words_of("type 1") != words_of("type 2")
    assert words_of("of the") == ("of", "the")


def test_terms_are_matched() -> None:
    assert pairs(match(ONE, OTHER)) == RIGHT


def test_obsolete_terms_are_left_out() -> None:
    assert all("6" not in each.subject for each in match(ONE, OTHER, abstain=0.0))


def test_decided_pairs_are_never_proposed() -> None:
    refused = ("NCIT:C1", "MA:1")
    for way in (False, True):
        found = match(ONE, OTHER, decided=[refused], abstain=0.0, with_twins=way)
        assert ("MA:1", "NCIT:C1") not in pairs(found)


def test_confirmed_terms_have_their_partner() -> None:
    one = terminology("A", {"1": "lung", "2": "knee"})
    other = terminology("B", {"1": "Lung", "2": "lungs", "3": "Knee"})
    agreed = ("B:2", "A:1")
    found = match(one, other, decided=[agreed], confirmed=[agreed])
    assert pairs(found) == {("A:2", "B:3")}
    twins = match(one, other, decided=[agreed], confirmed=[agreed], with_twins=True)
    assert pairs(twins) == {("A:2", "B:3"), ("A:1", "B:1")}
    # A partner in a third vocabulary takes nothing away.
    elsewhere = match(one, other, confirmed=[("A:1", "C:1")])
    assert {each.subject for each in elsewhere} == {"A:1", "A:2"}


def test_nothing_unlikely_is_proposed() -> None:
    assert all(each.confidence >= 0.9 for each in match(ONE, OTHER, abstain=0.9))
    assert match(ONE, OTHER, abstain=1.0) == ()


def test_twins_are_proposed_on_demand() -> None:
    one = terminology("A", {"1": "Bronchiole", "2": "Bronchioles", "3": "Knee"})
    other = terminology("B", {"1": "bronchiole", "3": "knee"})
    assert len(match(one, other)) == 2
    found = match(one, other, with_twins=True)
    assert pairs(found) == {("A:1", "B:1"), ("A:2", "B:1"), ("A:3", "B:3")}
    assert sum(each.twin for each in found) == 1


def test_shared_genes_bring_terms_together() -> None:
    one = terminology("A", {str(n): f"immunodeficiency {n}" for n in range(20, 25)})
    other = terminology(
        "B", {str(n): f"combined {n} deficiency of kind {n}" for n in range(40, 45)}
    )
    evidence = tuple(
        pl.DataFrame(
            [(f"{name}:{start + n}", "gene", f"G{n}") for n in range(5)]
            + [(f"{name}:{start + n}", "phenotype", f"HP:{n}") for n in range(5)],
            schema=EVIDENCE,
            orient="row",
        )
        for name, start in (("A", 20), ("B", 40))
    )
    assert pairs(match(one, other, evidence=evidence)) == {
        (f"A:{20 + n}", f"B:{40 + n}") for n in range(5)
    }


def test_parts_tell_where_both_sides_have_them() -> None:
    labels = {"1": "hand", "2": "foot", "3": "phalanx", "4": "phalanges"}
    parts = [("3", "1"), ("4", "2")]
    one = terminology("A", labels, parts=parts)
    # The labels alone would bring 3 and 3, 4 and 4 together.
    other = terminology("B", labels, parts=[("4", "1"), ("3", "2")])
    across = {("A:1", "B:1"), ("A:2", "B:2"), ("A:3", "B:4"), ("A:4", "B:3")}
    assert pairs(match(one, other)) == across
    alone = terminology("B", labels)
    assert match(one, alone) == match(terminology("A", labels), alone)


def test_empty_terminologies_have_no_proposals() -> None:
    assert match(terminology("A", {}), OTHER) == ()
    assert match(ONE, terminology("B", {})) == ()


def test_cyclic_hierarchies_come_to_an_end() -> None:
    edges = pl.concat([ONE.edges, pl.DataFrame({"child": ["MA:5"], "parent": ["MA:2"]})])
    assert pairs(match(replace(ONE, edges=edges), OTHER)) >= {("MA:1", "NCIT:C1")}


def test_proposals_are_valid_sssom(tmp_path) -> None:
    path = tmp_path / "found.sssom.tsv"
    write_mapping_set(as_mapping_set(match(ONE, OTHER), ONE, OTHER), path)
    read = read_mapping_set(path)
    assert list(validate(read)) == []
    assert set(read.to_hub_rows().select("subject", "object").iter_rows()) == RIGHT
    assert set(read.slot("mapping_justification")) <= {
        "semapv:LexicalMatching",
        "semapv:CompositeMatching",
        "semapv:StructuralMatching",
    }


def test_calibration_rises() -> None:
    scores, shares = zip(*STEPS, strict=True)
    assert sorted(set(scores)) == list(scores)
    assert sorted(set(shares)) == list(shares)


@given(st.floats(-20, 20), st.floats(-20, 20))
def test_more_speaks_for_more(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= confidence(low) <= confidence(high) <= 1


@given(st.floats(STEPS[0][1], STEPS[-1][1], exclude_min=True))
def test_thresholds_are_scores(sure: float) -> None:
    assert confidence(score_of(sure)) == pytest.approx(sure)


NAMES = st.text("ab", min_size=1, max_size=2)


@given(st.dictionaries(st.tuples(NAMES, NAMES.map(str.upper)), st.floats(-5, 5), max_size=20))
def test_assignments_are_stable(scores) -> None:
    found = assign(scores, 0.0)
    back = {other: one for one, other in found.items()}
    assert len(back) == len(found)
    assert assign({(y, x): score for (x, y), score in scores.items()}, 0.0) == back
    for (one, other), score in scores.items():
        mine = scores[one, found[one]] if one in found else -9.0
        theirs = scores[back[other], other] if other in back else -9.0
        assert score < 0 or mine >= score - 1e-8 or theirs >= score - 1e-8


WORDS = st.lists(
    st.sampled_from(["left", "right", "lung", "heart", "valve", "valves", "cell", "2", "II"]),
    min_size=1,
    max_size=3,
).map(" ".join)
LABELS = st.lists(WORDS, min_size=1, max_size=7)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(LABELS, LABELS, st.randoms(use_true_random=False))
def test_laws_of_proposals(ones: list[str], others: list[str], random) -> None:
    one = terminology("A", {str(n): text for n, text in enumerate(ones)})
    other = terminology("B", {str(n): text for n, text in enumerate(others)})
    found = match(one, other, abstain=0.0)
    assert len({each.subject for each in found}) == len(found)
    assert len({each.object for each in found}) == len(found)
    order = random.sample(range(len(ones)), len(ones))
    assert match(replace(one, terms=one.terms[order]), other, abstain=0.0) == found
    turned = match(other, one, abstain=0.0)
    assert {(y, x) for x, y in pairs(turned)} == pairs(found)
    if found:
        refused = random.choice(sorted(pairs(found)))
        assert refused not in pairs(match(one, other, abstain=0.0, decided=[refused]))
