import json
import signal
import sys
from pathlib import Path

import pytest

from benchmarks.federation import __main__ as command
from benchmarks.federation.preparation import find_oxigraph

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


def test_any_program_that_serves_sparql_is_an_engine(run):
    program = Path(sys.executable).with_name("hkg")
    serve = f"other={program} serve -q -f {{description}} --port {{port}}@/sparql"
    printed = run("--engines", "hereditary-embedded", "--templates", "T2", "--command", serve)
    (row,) = [line for line in printed.splitlines() if line.startswith("| other ")]
    assert row.split("|")[2].strip() == "1"
