"""Help comes at once, and wrong usage is answered with what may have been meant."""

import subprocess
import sys

import pytest

import hereditary_kg

HEAVY = ("torch", "pyoxigraph", "polars", "aiohttp", "pandas", "rdflib", "curies")
LOADED = f"""
import sys
from hereditary_kg.cli.main import hkg
try:
    hkg(sys.argv[1:], prog_name="hkg")
finally:
    print("loaded:", [name for name in {HEAVY!r} if name in sys.modules])
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["site", "--help"],
        ["site", "load", "--help"],
        ["query", "--help"],
        ["explain", "--help"],
        ["serve", "--help"],
        ["federation", "check", "--help"],
        ["map", "--help"],
        ["map", "import", "--help"],
        ["map", "show", "--help"],
        ["map", "convert", "--help"],
        ["map", "review", "--help"],
        ["map", "diff", "--help"],
        ["predict", "--help"],
        ["certificate", "--help"],
        ["certificate", "sign", "--help"],
        ["federation", "nonsense"],
    ],
)
def test_help_loads_nothing_heavy(arguments):
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=False
    )
    assert done.stdout.endswith("loaded: []\n"), done.stdout + done.stderr


def test_help_lists_the_commands(run):
    shown = run("-h")
    assert shown.code == 0
    for command in ("query", "explain", "serve", "federation", "site", "map"):
        assert f"  {command} " in shown.output


def test_version(run):
    assert run("--version").output == f"hkg {hereditary_kg.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["qurey"], "Did you mean query?"),
        (["site", "laod"], "Did you mean load?"),
        (["federation", "chek"], "Did you mean check?"),
        (["map", "convrt"], "Did you mean convert"),
        (["xyz"], "There are query, explain"),
        (["query", "--alow-partial"], "--allow-partial"),
        (["site", "serve", "--prot", "1"], "--port"),
        (["--verbos"], "--verbose"),
        (["query", "-O", "tabel"], "'table'"),
        (["explain", "--stage", "fysical"], "'physical'"),
        (["query", "--timeout", "soon"], "'soon' is not a valid float"),
        (["query", "--timeout", "0"], "x>0"),
        (["site", "serve", "x", "--port", "70000"], "0<=x<=65535"),
        (["site", "load", "x"], "Missing argument 'FILE...'"),
    ],
)
def test_wrong_usage(run, arguments, meant):
    shown = run(*arguments)
    assert (shown.code, shown.output) == (2, "")
    assert shown.errors.startswith("Error: ")
    assert meant in shown.errors
    assert "--help` explains the command." in shown.errors


def test_an_unexpected_error_is_owned_up_to(run, federation, monkeypatch):
    def fail(*_arguments, **_more):
        raise ZeroDivisionError("unheard of")

    monkeypatch.setattr("hereditary_kg.cli.query.read_query_text", fail)
    shown = run("query", "-f", federation, "-e", "ASK {}")
    assert shown.code == 1
    assert "unexpected ZeroDivisionError: unheard of" in shown.errors
    assert "--stacktrace" in shown.errors


def test_stacktrace_before_or_behind_the_command(run, federation):
    wrong = ("query", "-f", federation, "-e", "SELECT")
    for arguments in (("--stacktrace", *wrong), (*wrong, "--stacktrace")):
        shown = run(*arguments)
        assert shown.code == 2
        assert "Traceback (most recent call last)" in shown.errors
        assert "Error: the query: line 1" in shown.errors
