import argparse
import json
import signal
import sys
from pathlib import Path

import pytest

from benchmarks.federation import __main__ as command
from benchmarks.federation.faults import read_fault
from benchmarks.federation.preparation import find_oxigraph
from benchmarks.federation.proxy import Fault

pytestmark = pytest.mark.sockets


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Run the command over the tiny benchmark, and give what it prints."""
    if find_oxigraph() is None:
        pytest.skip("the program oxigraph is not installed; pip install oxigraph")
    monkeypatch.setitem(command.BENCHMARKS, "tiny", ("tiny_benchmark:TinyBenchmark", None))
    before = signal.getsignal(signal.SIGTERM)

    def go(*options: str) -> str:
        fixed = ["--benchmark", "tiny", "--members", "4", "--data", str(tmp_path)]
        monkeypatch.setattr(sys, "argv", ["federation", *fixed, *options])
        command.main()
        return capsys.readouterr().out

    yield go
    signal.signal(signal.SIGTERM, before)


def test_a_run_prints_keeps_and_traces_what_it_found(run, tmp_path):
    trace = tmp_path / "requests.jsonl"
    options = ("--engines", "hereditary-embedded", "--instances", "2", "--trace", str(trace))
    printed = run(*options, "--delay", "1")
    assert "4 members with 10 triples, 3 queries, 1 ms delay" in printed
    results = json.loads((tmp_path / "results" / "tiny-4-1.json").read_text())
    assert [each["verdict"] for each in results["measurements"]] == ["right"] * 3
    requests = [json.loads(line) for line in trace.read_text().splitlines()]
    asked = sum(each["traffic"]["requests"] for each in results["measurements"])
    assert sum(request["kind"] != "other" for request in requests) == asked > 0
    # The data of the first run is taken again, and templates can be chosen.
    assert "4 members with 10 triples, 1 queries" in run(*options, "--templates", "T2")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("m=status:503", Fault(status=503)),
        ("m=status:503/3", Fault(status=503, every=3)),
        ("m=cap:100", Fault(row_cap=100)),
        ("m=cut:1000/2", Fault(cut_after=1000, every=2)),
        ("m=delay:0.5", Fault(delay=0.5)),
    ],
)
def test_faults_are_read(text, expected):
    assert read_fault(text) == ("m", expected)


@pytest.mark.parametrize(
    "text", ["m", "=cap:3", "m=cap", "m=cap:x", "m=heat:3", "m=cap:3/0", "m=cap:3/"]
)
def test_other_faults_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="MEMBER=KIND:ARGUMENT"):
        read_fault(text)


def test_faults_are_injected(run, tmp_path):
    options = ("--engines", "hereditary-embedded", "--instances", "2")
    run(*options, "--fault", "towns=status:500", "--fault", "people-0=status:503/2")
    results = json.loads((tmp_path / "faults" / "tiny-4-0.json").read_text())
    found = [(each["verdict"], each["message"]) for each in results["measurements"]]
    assert {verdict for verdict, _ in found} <= {"right", "failed"}
    assert any("'towns'" in message for verdict, message in found if verdict == "failed")
    assert not (tmp_path / "results").exists()
    with pytest.raises(SystemExit, match="no member is called nobody"):
        run(*options, "--fault", "nobody=cap:3")


def test_any_program_that_serves_sparql_is_an_engine(run):
    program = Path(sys.executable).with_name("hkg")
    serve = f"other={program} serve -q -f {{description}} --port {{port}}@/sparql"
    printed = run("--engines", "hereditary-embedded", "--templates", "T2", "--command", serve)
    (row,) = [line for line in printed.splitlines() if line.startswith("| other ")]
    assert row.split("|")[2].strip() == "1"
