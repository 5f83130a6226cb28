"""``hkg federation profile``: profiles of members that are not ours."""

import json

import pytest

from hereditary_kg.sites.profile import Profile
from tests.oxigraph_service import oxigraph_service, update

TRIPLES = """\
<http://example.org/ann> <http://example.org/age> "71" .
<http://example.org/bob> <http://example.org/age> "58" .
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with oxigraph_service(tmp_path_factory.mktemp("server"), TRIPLES) as url:
        yield url


@pytest.fixture
def description(server, tmp_path):
    path = tmp_path / "federation.toml"
    path.write_text(f'name = "test"\n\n[[member]]\nname = "there"\nurl = "{server}"\n')
    return path


def test_a_profile_that_the_description_does_not_name_yet(run, description):
    shown = run("federation", "profile", "-f", description)
    assert shown.code == 0
    assert "Profiled 2 triples of there with " in shown.errors
    assert 'profile = "there.profile.json"' in shown.errors
    assert "leaves all of them as they are" in shown.errors
    assert "example.org/age" in shown.output
    written = Profile.from_json((description.parent / "there.profile.json").read_bytes())
    assert list(written.predicates) == ["http://example.org/age"]
    assert written.characteristic_sets == ()


def test_a_profile_that_it_names(run, description, server):
    description.write_text(description.read_text() + 'profile = "profiles.json"\n')
    assert "`hkg federation profile there`" in run("federation", "check", "-f", description).errors
    shown = run("federation", "profile", "there", "-f", description)
    assert shown.code == 0
    assert "Next:" not in shown.errors
    assert run("federation", "check", "-f", description).code == 0
    update(server, 'INSERT DATA { <http://example.org/eve> <http://example.org/age> "3" }')
    try:
        shown = run("federation", "check", "-f", description)
        assert shown.code == 3
        assert "no longer as many" in shown.errors
        (status,) = json.loads(run("federation", "check", "-f", description, "-O", "json").output)
        assert status["profile"] == "stale"
        assert run("federation", "profile", "-q", "-f", description).errors == ""
        assert run("federation", "check", "-f", description).code == 0
    finally:
        update(server, 'DELETE DATA { <http://example.org/eve> <http://example.org/age> "3" }')


def test_another_directory(run, description):
    (description.parent / "profiles").mkdir()
    shown = run("federation", "profile", "-f", description, "-o", description.parent / "profiles")
    assert 'profile = "profiles/there.profile.json"' in shown.errors
    assert (description.parent / "profiles" / "there.profile.json").is_file()


def test_what_is_too_large_is_named(run, description):
    shown = run("federation", "profile", "-f", description, "--most-triples", "1")
    assert shown.code == 0
    assert "counted and not read (http://example.org/age)" in shown.errors


def test_declared_namespaces(run, description):
    options = ("--no-detect-namespaces", "--shared-namespace", "http://example.org/")
    shown = run("federation", "profile", "-f", description, *options)
    assert "http://example.org/…" in shown.output
    assert "declared" in shown.output


def test_sites_in_directories(run, federation):
    shown = run("federation", "profile", "-f", federation)
    assert shown.code == 2
    assert "no member with a url" in shown.errors
    assert "hkg site profile" in run("federation", "profile", "clinic", "-f", federation).errors


def test_a_member_down(run, tmp_path):
    path = tmp_path / "federation.toml"
    path.write_text('name = "t"\n[[member]]\nname = "there"\nurl = "http://127.0.0.1:9/sparql"\n')
    shown = run("federation", "profile", "-f", path)
    assert shown.code == 1
    assert "'there': unreachable" in shown.errors
    assert not (tmp_path / "there.profile.json").exists()
