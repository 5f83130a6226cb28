import re
from collections import Counter

import pyoxigraph as ox
import pytest

from benchmarks.federation.clinic import ClinicBenchmark
from benchmarks.federation.templates import draw_queries

SMALL = ClinicBenchmark(scale=0.3)
BTO = "https://w3id.org/brainteaser/ontology/schema/"


@pytest.fixture(scope="module")
def members():
    return dict(SMALL.members(7, seed=3))


@pytest.fixture(scope="module")
def merged(members):
    store = ox.Store()
    for lines in members.values():
        store.bulk_load("".join(lines).encode(), format=ox.RdfFormat.N_TRIPLES)
    return store


def subjects(lines, kind):
    return {line.split(" ", 1)[0] for line in lines if f"> <{BTO}{kind}> ." in line}


def test_same_seed_gives_the_same_members(members):
    assert dict(SMALL.members(7, seed=3)) == members
    assert dict(SMALL.members(7, seed=4)) != members


def test_each_kind_of_member_is_there(members):
    kinds = Counter(re.sub(r"-\d+$", "", name) for name in members)
    assert kinds == {"terminology": 1, "laboratory": 1, "hospital": 5}


def test_too_few_members_are_refused():
    with pytest.raises(ValueError, match="at least 4 members"):
        list(SMALL.members(3, seed=1))


def test_no_member_says_anything_twice_or_with_blank_nodes(members):
    for lines in members.values():
        assert len(lines) == len(set(lines))
        assert not any(line.startswith("_:") or " _:" in line for line in lines)


def test_members_of_the_asked_size():
    sizes = [len(lines) for _, lines in ClinicBenchmark().members(5, seed=1)]
    assert all(2_000 < size < 12_000 for size in sizes)


def test_a_hospital_holds_copies_of_its_neighbour_only(members):
    for number in range(1, 6):
        bases = Counter(
            re.match(r"<https://(hospital-\d+)\.", subject)[1]
            for subject in subjects(members[f"hospital-{number}"], "Patient")
        )
        neighbour = f"hospital-{(number - 2) % 5 + 1}"
        assert set(bases) <= {f"hospital-{number}", neighbour}
        assert bases[f"hospital-{number}"] == 24


def test_about_a_tenth_of_local_statements_is_copied():
    found = dict(ClinicBenchmark().members(5, seed=1))
    holders = Counter(
        line for lines in found.values() for line in lines if line.startswith("<https://hospital-")
    )
    assert 0.06 < sum(count > 1 for count in holders.values()) / len(holders) < 0.14


def test_hierarchies_and_names_are_the_same_at_several_members(members):
    edges = {
        name: {line for line in lines if "rdf-schema#subClassOf>" in line and "MONDO_" in line}
        for name, lines in members.items()
    }
    assert edges["hospital-1"] == edges["hospital-4"] == edges["terminology"]
    assert len(edges["terminology"]) > 100
    assert not edges["hospital-2"]


def test_laboratories_know_persons_and_no_patients(members):
    lines = members["laboratory-1"]
    persons = {line.split()[2] for line in lines if "schema/individual>" in line}
    linked = {
        line.split()[2]
        for name, found in members.items()
        if name.startswith("hospital")
        for line in found
        if "owl#sameAs>" in line
    }
    assert persons
    assert persons <= linked
    assert not any("hospital-" in line for line in lines)


def test_some_persons_are_patients_of_two_hospitals(merged):
    found = merged.query(
        "PREFIX owl: <http://www.w3.org/2002/07/owl#> SELECT DISTINCT ?person WHERE "
        "{ ?a owl:sameAs ?person . ?b owl:sameAs ?person . FILTER (?a != ?b) }"
    )
    assert len(list(found)) > 0


def test_every_template_has_an_instance_with_an_answer(merged):
    queries = list(draw_queries(merged, SMALL.templates, 1, seed=1))
    assert [query.template for query in queries] == [each.name for each in SMALL.templates]
    empty = {query.template for query in queries if not list(merged.query(query.text))}
    assert "C16" in empty
    assert empty <= {"C12", "C16"}


def test_ordered_answers_have_one_order(merged):
    ordered = [each for each in SMALL.templates if each.ordered]
    (query,) = draw_queries(merged, ordered, 1, seed=1)
    rows = [(row["date"].value, row["evaluation"].value) for row in merged.query(query.text)]
    assert len(set(rows)) == len(rows) > 1
    assert rows == sorted(rows, key=lambda row: (-int(row[0].replace("-", "")), row[1]))
