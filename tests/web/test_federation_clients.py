"""Clients that know nothing of a federation, against the service in a process of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import warnings

import pytest

from hereditary_kg.sites import Site

pytestmark = pytest.mark.sockets

SERVE = """
import asyncio, sys
from hereditary_kg.execution.engine import AsyncFederation
from hereditary_kg.web.service import serve

async def main():
    federation = AsyncFederation.open(sys.argv[1])
    await serve(
        federation, "127.0.0.1", 0, timeout=30, concurrency=4,
        on_ready=lambda url: print(url, flush=True),
    )

asyncio.run(main())
"""
PEOPLE = "SELECT ?person ?name WHERE { ?person <http://example.org/name> ?name }"


def start(description):
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(description)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    url = process.stdout.readline().strip()
    if not url:
        pytest.fail(f"the service did not start: {process.stderr.read()}")
    return url, process


def end(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    return errors


@pytest.fixture(scope="module")
def description(tmp_path_factory):
    """A federation of two sites that both hold Bob."""
    directory = tmp_path_factory.mktemp("federation")
    for name, people in (("east", ("alice", "bob")), ("west", ("bob", "carol"))):
        site = Site.create(directory / name, name=name)
        lines = [
            f'<http://example.org/{p}> <http://example.org/name> "{p.title()} Ü" .\n'
            for p in people
        ]
        (directory / f"{name}.nt").write_text("".join(lines), encoding="utf-8")
        site.load([directory / f"{name}.nt"])
        site.build_profile()
        site.close()
    path = directory / "federation.toml"
    path.write_text(
        'name = "people"\n[prefixes]\nex = "http://example.org/"\n'
        '[[member]]\nname = "east"\nsite = "east"\n[[member]]\nname = "west"\nsite = "west"\n',
        encoding="utf-8",
    )
    return path


@pytest.fixture(scope="module")
def service(description):
    url, process = start(description)
    yield url
    assert "Traceback" not in end(process)


def test_rdflib_reads_the_federation_as_a_store(service):
    from rdflib import Graph, URIRef
    from rdflib.plugins.stores.sparqlstore import SPARQLStore

    store = SPARQLStore(f"{service}/sparql")
    graph = Graph(store)
    names = {str(row.name) for row in graph.query(PEOPLE)}
    assert names == {"Alice Ü", "Bob Ü", "Carol Ü"}
    assert len(list(graph.triples((None, URIRef("http://example.org/name"), None)))) == 3
    assert graph.query("ASK { ?s ?p ?o }").askAnswer is True


@pytest.mark.parametrize("results", ["json", "xml", "tsv", "csv"])
def test_sparqlwrapper_asks_for_tables(service, results):
    from SPARQLWrapper import SPARQLWrapper

    with warnings.catch_warnings():
        # It leaves sockets to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        wrapper = SPARQLWrapper(f"{service}/sparql", returnFormat=results)
        wrapper.setQuery(PEOPLE)
        wrapper.setMethod("POST")
        answer = wrapper.queryAndConvert()
        match results:
            case "json":
                text = json.dumps(answer, ensure_ascii=False)
            case "xml":
                text = answer.toxml()
            case _:
                text = answer.decode()
    assert [text.count(name) for name in ("Alice Ü", "Bob Ü", "Carol Ü")] == [1, 1, 1]


def test_sparqlwrapper_asks_for_graphs(service):
    from SPARQLWrapper import TURTLE, SPARQLWrapper

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        wrapper = SPARQLWrapper(f"{service}/sparql", returnFormat=TURTLE)
        wrapper.setQuery("CONSTRUCT { ?s ex:label ?n } WHERE { ?s ex:name ?n }")
        assert wrapper.queryAndConvert().count(b"Bob") == 1


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_asks_compressed_and_reads_the_certificate(service):
    def curl(*arguments):
        command = ["curl", "-sS", "--fail-with-body", "--max-time", "60", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    query = ["--data-urlencode", f"query={PEOPLE} ORDER BY ?name"]
    answer = curl("--compressed", "-i", "-H", "Accept: text/csv", f"{service}/sparql", *query)
    head, _, body = answer.stdout.partition("\n\n")
    headers = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    assert answer.returncode == 0
    assert [line.partition(",")[2] for line in body.splitlines()] == [
        "name",
        "Alice Ü",
        "Bob Ü",
        "Carol Ü",
    ]
    record = curl(f"{service}/certificates/{headers['HKG-Answer']}")
    assert json.loads(record.stdout)["certificate"]["complete"] is True
    wrong = curl("-G", f"{service}/sparql", "--data-urlencode", "query=SELECT ?s { ?s ex:name }")
    assert wrong.returncode == 22
    assert "^" in wrong.stdout


def test_the_service_ends_on_a_signal(description):
    _, process = start(description)
    # Once only: a second signal ends it at once.
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0
