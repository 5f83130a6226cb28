"""A federation that converts, from its description to the command line."""

import json

import pytest

from hereditary_kg.semantics.hub_files import write_hub
from hereditary_kg.sites import Site
from tests.semantics.small_hub import HUB

DATA = """\
@prefix ex: <http://example.org/> .
ex:p1 ex:disease <https://omim.org/entry/105400> ; ex:geschlecht "F" .
ex:p2 ex:disease <https://omim.org/entry/777777> ; ex:geschlecht "M" .
"""
DESCRIPTION = """\
name = "hospital"
[prefixes]
ex = "http://example.org/"
NCIT = "http://purl.obolibrary.org/obo/NCIT_"
[conversion]
hub = "hub"
vocabulary = "NCIT"
[[member]]
name = "clinic"
site = "clinic"
[member.codes]
"ex:disease" = { vocabulary = "OMIM" }
[member.values]
"ex:geschlecht" = { F = "female", M = "male" }
[member.predicates]
"ex:geschlecht" = "ex:sex"
"""
QUERY = "SELECT ?p ?s { NCIT:C34373 hkg:includes ?d . ?p ex:disease ?d ; ex:sex ?s }"


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    directory = tmp_path_factory.mktemp("converted")
    write_hub(HUB, directory / "hub")
    (directory / "clinic.ttl").write_text(DATA)
    with Site.create(directory / "clinic", name="clinic") as site:
        site.load([directory / "clinic.ttl"])
        site.build_profile()
    (directory / "federation.toml").write_text(DESCRIPTION)
    return directory / "federation.toml"


def test_a_query_is_answered_in_the_users_terms(run, converted):
    shown = run("query", "-f", converted, "-e", QUERY, "-O", "csv", "--certificate", "-")
    assert shown.code == 2, "the certificate needs a place of its own"
    told = converted.parent / "certificate.json"
    shown = run("query", "-f", converted, "-e", QUERY, "-O", "csv", "--certificate", told)
    assert shown.output.split() == ["p,s", "http://example.org/p1,female"]
    certificate = json.loads(told.read_text())
    assert certificate["bound"] == "exact"
    uses = certificate["conversions"][0]["uses"]
    assert [use["code"] for use in uses] == ["OMIM:105400"]


def test_explain_shows_every_rewriting(run, converted):
    shown = run("explain", "-f", converted, "-e", QUERY, "--queries")
    assert shown.code == 0, shown.errors
    text = " ".join(shown.output.split())
    assert "Converted: clinic: NCIT:C34373 and what is narrower at ex:disease: 1 of" in text
    assert "OMIM:105400 = MONDO:0007103 < MONDO:0005144 < MONDO:0004976 = NCIT:C34373" in text
    assert "its predicate: ex:geschlecht" in text
    told = json.loads(run("explain", "-f", converted, "-e", QUERY, "-O", "json").output)
    assert told["conversions"][0]["bound"] == "exact"
    sources = run("explain", "-f", converted, "-e", QUERY, "--stage", "sources")
    assert sources.code == 0, sources.errors


def test_a_code_that_nobody_knows_is_wrong_input(run, converted):
    text = "SELECT * { NCIT:C99999 hkg:includes ?d . ?p ex:disease ?d }"
    shown = run("query", "-f", converted, "-e", text)
    assert shown.code == 2
    assert "NCIT:C99999" in shown.errors


def test_a_hub_that_is_missing_is_named(run, converted, tmp_path):
    broken = tmp_path / "federation.toml"
    broken.write_text(DESCRIPTION)
    shown = run("query", "-f", broken, "-e", QUERY)
    assert shown.code == 2
    assert "hub" in shown.errors
