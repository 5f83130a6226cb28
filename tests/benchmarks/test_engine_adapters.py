"""Adapters of other engines. Those that are installed in the user's cache run for real."""

import http.server
import json
import sys
import threading
from dataclasses import replace

import pytest

from benchmarks.federation.checking import Verdict, judge_answer, read_answer
from benchmarks.federation.engines import comunica, detrusty, detrusty_service, make_engine
from benchmarks.federation.engines.base import EngineError, ServedFederation
from benchmarks.federation.engines.installation import engine_directory, run_step
from benchmarks.federation.measurement import Measurement
from benchmarks.federation.merged_report import write_beside_merged
from benchmarks.federation.traffic import Traffic

NOBODY = "SELECT ?x WHERE { <http://warm.example/up> <http://warm.example/once> ?x }"
TRIPLES = "SELECT ?s ?p ?o WHERE { ?s ?p ?o }"


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return ServedFederation({}, tmp_path / "federation.toml", tmp_path)


@pytest.mark.parametrize("name", ["comunica", "detrusty"])
def test_a_missing_engine_says_how_to_install_it(name, nowhere):
    with pytest.raises(EngineError, match=f"engines.{name} --install"):
        make_engine(name).start(nowhere)


def test_another_version_of_comunica_is_refused(nowhere):
    for package in comunica.PACKAGES:
        manifest = engine_directory("comunica") / "node_modules" / package / "package.json"
        manifest.parent.mkdir(parents=True)
        manifest.write_text('{"version": "0.0.1"}')
    with pytest.raises(EngineError, match=r"0\.0\.1 is installed, and not"):
        make_engine("comunica").start(nowhere)


def test_another_version_of_detrusty_is_refused(nowhere):
    python = engine_directory("detrusty") / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    with pytest.raises(EngineError, match="of no version is installed"):
        make_engine("detrusty").start(nowhere)


def test_comunica_gets_every_member_as_a_sparql_source(nowhere):
    for package, version in comunica.PACKAGES.items():
        manifest = engine_directory("comunica") / "node_modules" / package / "package.json"
        manifest.parent.mkdir(parents=True)
        manifest.write_text(json.dumps({"version": version}))
    node = engine_directory("comunica") / "node_modules/node/bin/node"
    node.parent.mkdir()
    node.touch()
    federation = replace(nowhere, urls={"a": "http://127.0.0.1:1/sparql"})
    command = comunica.ComunicaEngine().command(federation, 7)
    assert "sparql@http://127.0.0.1:1/sparql" in command
    assert command[command.index("--port") + 1] == "7"


def test_a_failed_step_of_an_installation_is_told(tmp_path):
    with pytest.raises(SystemExit, match="failed with status 3"):
        run_step([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)
    with pytest.raises(SystemExit, match="no program there-is-none"):
        run_step(["there-is-none"], tmp_path)


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("document", "columns"),
    [
        (b'{"head": {},\n"results": { "bindings": [\n\n]}}', []),
        (b'{"head": {"vars":["x"]}, "results": {"bindings": []}}', ["x"]),
    ],
)
def test_comunica_without_rows_is_an_empty_answer(document, columns, monkeypatch):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "application/sparql-results+json")
            self.send_header("Content-Length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        engine = comunica.ComunicaEngine()
        monkeypatch.setattr(engine, "_port", server.server_port)
        frame = read_answer(engine.answer(NOBODY, 10))
        thread.join()
    assert frame.columns == columns
    assert frame.height == 0


def test_what_detrusty_leaves_unbound_is_left_out():
    row = {
        "a": {"type": "uri", "value": "http://example.org/a"},
        "b": {"value": ""},
        "c": {"type": "typed-literal", "value": "1", "datatype": "http://example.org/d"},
    }
    assert detrusty_service._read_row(row) == {
        "a": {"type": "uri", "value": "http://example.org/a"},
        "c": {"type": "literal", "value": "1", "datatype": "http://example.org/d"},
    }


@pytest.mark.sockets
def test_the_merged_store_answers_what_the_oracle_does(tiny_members, tiny_oracle):
    engine = make_engine("merged")
    try:
        engine.start(tiny_members.federation)
        tiny_members.reset()
        right = tiny_oracle.answer(TRIPLES)
        given = read_answer(engine.answer(TRIPLES, 30))
        assert judge_answer(right, given, ordered=False) is Verdict.RIGHT
        assert tiny_members.requests() == []
    finally:
        engine.stop()


@pytest.mark.sockets
@pytest.mark.parametrize("name", ["comunica", "detrusty"])
def test_an_installed_engine_answers(name, tiny_members, tiny_oracle):
    engine = make_engine(name)
    try:
        try:
            engine.start(tiny_members.federation)
        except EngineError as error:
            if "--install" not in str(error):
                raise
            pytest.skip(str(error))
        assert read_answer(engine.answer(NOBODY, 60)).height == 0
        query = "SELECT DISTINCT ?s ?o WHERE { ?s a ?o }"
        if name == "comunica":
            given = read_answer(engine.answer(query, 60))
            right = tiny_oracle.answer(query)
            assert judge_answer(right, given, ordered=False) is Verdict.RIGHT
        with pytest.raises(EngineError):
            engine.answer("SELECT WHERE", 60)
        assert read_answer(engine.answer(NOBODY, 60)).height == 0
    finally:
        engine.stop()


def measured(query, engine, seconds, verdict=Verdict.RIGHT, most=3):
    traffic = Traffic(requests=9, most=most)
    return Measurement(query, query[:3], engine, verdict, 1, 1, 1, traffic, seconds)


def test_ratios_are_of_medians_of_right_answers():
    measurements = [
        measured("C01-1", "ours", 0.4),
        measured("C01-1", "ours", 0.8),
        measured("C01-1", "ours", 0.6),
        measured("C01-1", "merged", 0.1),
        measured("C01-2", "ours", 0.2, most=25),
        measured("C01-2", "merged", 0.1),
        measured("C02-1", "ours", 0.1),
        measured("C02-1", "ours", 0.1, Verdict.WRONG),
        measured("C02-1", "merged", 0.1),
    ]
    text = write_beside_merged(measurements, "ours")
    cells = {row[1]: row for row in (line.split("|") for line in text.splitlines()) if len(row) > 4}
    cells = {name.strip(): [cell.strip() for cell in row] for name, row in cells.items()}
    assert cells["C01"][2:6] == ["346.4 ms", "100.0 ms", "6.0", "25"]
    assert cells["C02"][2:6] == ["-", "100.0 ms", "-", "3"]
    assert "1 of 3 queries" in text
    assert "2 send fewer" in text


def test_without_a_merged_store_nothing_is_written():
    assert write_beside_merged([measured("C01-1", "ours", 1.0)], "ours") == ""


def test_versions_are_exact():
    versions = [*comunica.PACKAGES.values(), detrusty.VERSION]
    assert all(len(version.split(".")) == 3 for version in versions)
