"""``hkg federation check``: findings and their exit codes."""

import json
import shutil

import pytest


def test_all_is_well(run, federation):
    shown = run("federation", "check", "-f", federation)
    assert shown.code == 0
    rows = [line.split() for line in shown.output.splitlines()[2:] if " yes " in line]
    assert [(row[0], row[1], row[4]) for row in rows] == [
        ("clinic", "yes", "current"),
        ("registry", "yes", "current"),
    ]
    assert shown.errors == ""


def test_json(run, federation):
    members = json.loads(run("federation", "check", "-f", federation, "-O", "json").output)
    assert [member["name"] for member in members] == ["clinic", "registry"]
    assert members[0]["triples"] == 9
    assert members[0]["up"] is True


def test_a_member_down(run, broken_federation):
    shown = run("federation", "check", "-f", broken_federation)
    assert shown.code == 1
    assert "registry: unreachable" in shown.errors
    assert "store is missing" in shown.errors


def test_one_member_alone(run, broken_federation):
    shown = run("federation", "check", "-f", broken_federation, "clinic")
    assert shown.code == 0
    assert "registry" not in shown.output


def test_a_member_nobody_knows(run, federation):
    shown = run("federation", "check", "-f", federation, "clinik")
    assert (shown.code, shown.output) == (2, "")
    assert "the federation has no member 'clinik'" in shown.errors
    assert "Did you mean clinic?" in shown.errors
    assert "It has clinic, registry." in run("federation", "check", "-f", federation, "x").errors


@pytest.fixture
def unprofiled(built_federation, tmp_path):
    shutil.copytree(built_federation, tmp_path / "unprofiled")
    (tmp_path / "unprofiled" / "clinic" / "profile.json").unlink()
    return tmp_path / "unprofiled" / "federation.toml"


def test_a_profile_missing(run, unprofiled):
    shown = run("federation", "check", "-f", unprofiled)
    assert shown.code == 3
    assert "clinic: it has no profile of its data" in shown.errors
    assert "hkg site profile" in shown.errors
    assert run("federation", "check", "-f", unprofiled, "-q").errors == ""
