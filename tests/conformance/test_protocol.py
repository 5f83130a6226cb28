"""The W3C's tests of the protocol, of result formats and of service descriptions.

They run over real HTTP against ``hkg site serve``, which has all data, and against
``hkg serve`` over two members, among whom the data are dealt.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pyoxigraph as ox
import pytest

from hereditary_kg.sites import Site
from tests.conformance.answers import Answer, expected_answer, read_csv, read_oxigraph, same_answer
from tests.conformance.protocol_requests import Request, Response, read_protocol_tests, send

SUITE = Path(__file__).resolve().parents[3] / "shared" / "w3c-sparql" / "sparql11"
PROTOCOL = SUITE / "protocol"
ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.sockets,
    pytest.mark.skipif(
        not SUITE.is_dir(), reason="the W3C test suites are not in ../shared/w3c-sparql"
    ),
]

TESTS = read_protocol_tests(PROTOCOL / "manifest.ttl")

# Both services only answer queries: what an update would do cannot be tested. That the update
# is refused is.
OUT_OF_SCOPE = {
    "update_dataset_default_graph": "updates are refused",
    "update_dataset_default_graphs": "updates are refused",
    "update_dataset_named_graphs": "updates are refused",
    "update_dataset_full": "updates are refused",
    "update_post_form": "updates are refused",
    "update_post_direct": "updates are refused",
    "update_base_uri": "updates are refused",
}

# The graphs that the protocol's tests name, and the members that hold each.
PROTOCOL_GRAPHS = {
    "http://kasei.us/2009/09/sparql/data/data1.rdf": ("data1.nt", ["east"]),
    "http://kasei.us/2009/09/sparql/data/data2.rdf": ("data2.nt", ["west"]),
    "http://kasei.us/2009/09/sparql/data/data3.rdf": ("data3.nt", ["east", "west"]),
}
FORMAT_GRAPHS = {
    f"http://example.org/{folder}/{file}": SUITE / folder / file
    for folder, file in [
        ("csv-tsv-res", "data.ttl"),
        ("csv-tsv-res", "data2.ttl"),
        ("json-res", "data.ttl"),
    ]
}
FORMAT_TESTS = [
    (f"csv-tsv-res/csvtsv0{number}.{form}", f"csv-tsv-res/{query}", f"csv-tsv-res/{data}")
    for number, query, data in [
        (1, "csvtsv01.rq", "data.ttl"),
        (2, "csvtsv02.rq", "data.ttl"),
        (3, "csvtsv01.rq", "data2.ttl"),
    ]
    for form in ("csv", "tsv")
] + [
    (f"json-res/jsonres0{number}.srj", f"json-res/jsonres0{number}.rq", "json-res/data.ttl")
    for number in range(1, 5)
]

TABLES = {
    "application/sparql-results+json": ox.QueryResultsFormat.JSON,
    "application/sparql-results+xml": ox.QueryResultsFormat.XML,
    "text/tab-separated-values": ox.QueryResultsFormat.TSV,
    "text/csv": ox.QueryResultsFormat.CSV,
}
MEDIA_TYPES = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".srj": "application/sparql-results+json",
}


def quads_by_member() -> dict[str, list[ox.Quad]]:
    """Deal the data of all tests: whole graphs of the protocol's, single triples of the rest."""
    dealt: dict[str, list[ox.Quad]] = {"whole": [], "east": [], "west": []}
    for name, (file, members) in PROTOCOL_GRAPHS.items():
        for quad in read_graph(PROTOCOL / file, name):
            for member in ("whole", *members):
                dealt[member].append(quad)
    for name, path in FORMAT_GRAPHS.items():
        for number, quad in enumerate(read_graph(path, name)):
            for member in ("whole", ("east", "west")[number % 2]):
                dealt[member].append(quad)
    return dealt


def read_graph(path: Path, name: str) -> list[ox.Quad]:
    graph = ox.NamedNode(name)
    return [ox.Quad(*quad.triple, graph) for quad in ox.parse(path=str(path))]


@contextmanager
def served(*arguments: str) -> Iterator[str]:
    """Run ``hkg`` in a process of its own; give the endpoint."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hereditary_kg.cli.main", *arguments, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        endpoint = process.stdout.readline().strip()
        if not endpoint:
            pytest.fail(f"the service did not start: {process.stderr.read()}")
        yield endpoint
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=60)
        assert "Traceback" not in errors, errors


@pytest.fixture(scope="module")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The endpoints of both services, on the same data."""
    directory = tmp_path_factory.mktemp("protocol")
    for name, quads in quads_by_member().items():
        data = directory / f"{name}.nq"
        data.write_bytes(ox.serialize(quads, format=ox.RdfFormat.N_QUADS))
        with Site.create(directory / name, name=name) as site:
            site.load([data], skolemise=False)
            site.build_profile()
    federation = directory / "federation.toml"
    members = (f'[[member]]\nname = "{name}"\nsite = "{name}"\n' for name in ("east", "west"))
    federation.write_text('name = "protocol"\n' + "".join(members))
    with ExitStack() as stack:
        yield {
            "site": stack.enter_context(served("site", "serve", str(directory / "whole"))),
            "federation": stack.enter_context(served("serve", "-f", str(federation))),
        }


@pytest.fixture(params=["site", "federation"])
def endpoint(request: pytest.FixtureRequest, endpoints: dict[str, str]) -> str:
    return endpoints[request.param]


def ask(endpoint: str, query: str, accept: str | None = None, **parameters: str) -> Response:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if accept is not None:
        headers["Accept"] = accept
    form = {"query": query, **{name.replace("_", "-"): v for name, v in parameters.items()}}
    return send(endpoint, Request("POST", headers=headers, body=urlencode(form).encode()))


def read_answer(response: Response) -> Answer:
    """Read an answer in the format that its media type names."""
    if response.media_type == "text/csv":
        return read_csv(response.body)
    return read_oxigraph(ox.parse_query_results(response.body, TABLES[response.media_type]))


def read_rdf(response: Response) -> set[ox.Triple]:
    rdf_format = ox.RdfFormat.from_media_type(response.media_type)
    assert rdf_format is not None, response.media_type
    return {quad.triple for quad in ox.parse(response.body, format=rdf_format, base_iri="urn:x")}


# The protocol


@pytest.mark.parametrize("test", [t for t in TESTS if t.name not in OUT_OF_SCOPE], ids=str)
def test_protocol(endpoint, test):
    for request in test.requests:
        response = send(endpoint, request)
        assert str(response.status)[0] in request.statuses, response.body.decode()
        if request.form == "boolean":
            answer = read_answer(response)
            assert isinstance(answer, bool)
            assert request.boolean is None or answer == request.boolean
        elif request.form == "tabular":
            answer = read_answer(response)
            assert not isinstance(answer, bool)
            assert len(answer.rows) == 1
        elif request.form == "RDF":
            read_rdf(response)


@pytest.mark.parametrize("test", [t for t in TESTS if t.name in OUT_OF_SCOPE], ids=str)
def test_updates_are_refused_and_say_why(endpoint, test):
    response = send(endpoint, test.requests[0])
    assert response.status == 400
    assert response.media_type == "text/plain"
    assert "Update" in response.body.decode()


def test_every_test_of_the_manifest_is_run_or_out_of_scope():
    assert len(TESTS) == 34
    assert OUT_OF_SCOPE.keys() == {t.name for t in TESTS if t.name.startswith("update_")}


# Result formats


@pytest.mark.parametrize(("expected", "query", "data"), FORMAT_TESTS, ids=lambda part: part)
def test_result_formats(endpoint, expected, query, data):
    path = SUITE / expected
    response = ask(
        endpoint,
        (SUITE / query).read_text(),
        MEDIA_TYPES[path.suffix],
        default_graph_uri=f"http://example.org/{data}",
    )
    assert (response.status, response.media_type) == (200, MEDIA_TYPES[path.suffix])
    assert same_answer(read_answer(response), expected_answer(path), ordered=True), response.body


# Content negotiation

SELECT = "SELECT ?s { GRAPH ?g { ?s a ?type } }"
CONSTRUCT = "CONSTRUCT { ?s a ?type } WHERE { GRAPH ?g { ?s a ?type } }"


@pytest.mark.parametrize(
    ("query", "accept", "media_type"),
    [
        *((SELECT, media_type, media_type) for media_type in TABLES),
        (SELECT, None, "application/sparql-results+json"),
        (SELECT, "*/*", "application/sparql-results+json"),
        (SELECT, "application/json", "application/sparql-results+json"),
        (SELECT, "text/csv;q=0.1, text/tab-separated-values;q=0.9", "text/tab-separated-values"),
        (SELECT, "text/turtle, application/sparql-results+xml", "application/sparql-results+xml"),
        ("ASK {}", "application/sparql-results+xml", "application/sparql-results+xml"),
        ("ASK {}", None, "application/sparql-results+json"),
        (CONSTRUCT, None, "text/turtle"),
        (CONSTRUCT, "application/n-triples", "application/n-triples"),
        (CONSTRUCT, "application/rdf+xml;q=0.9, */*;q=0.1", "application/rdf+xml"),
        ("DESCRIBE <http://example.org/s1>", "application/ld+json", "application/ld+json"),
    ],
)
def test_formats_are_negotiated(endpoint, query, accept, media_type):
    response = ask(endpoint, query, accept)
    assert (response.status, response.media_type) == (200, media_type)
    assert "Accept" in response.headers["Vary"]
    if query == SELECT:
        assert len(read_answer(response).rows) == 3
    elif query == CONSTRUCT:
        assert len(read_rdf(response)) == 3


@pytest.mark.parametrize(
    ("query", "accept"),
    [(SELECT, "text/html"), (SELECT, "text/turtle"), (CONSTRUCT, "text/csv"), (SELECT, "*/*;q=0")],
)
def test_a_format_that_is_not_offered_is_not_acceptable(endpoint, query, accept):
    response = ask(endpoint, query, accept)
    assert (response.status, response.media_type) == (406, "text/plain")


def test_a_form_and_a_query_string_ask_alike(endpoint):
    parameters = {
        "query": "SELECT ?s { ?s a ?type }",
        "default-graph-uri": "http://kasei.us/2009/09/sparql/data/data2.rdf",
    }
    by_get = send(endpoint, Request("GET", f"?{urlencode(parameters)}"))
    by_post = ask(endpoint, parameters["query"], default_graph_uri=parameters["default-graph-uri"])
    assert read_answer(by_get) == read_answer(by_post)
    assert len(read_answer(by_get).rows) == 1


# Service descriptions

SD = "http://www.w3.org/ns/sparql-service-description#"
RDF_TYPE = ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
# Property of the vocabulary: classes of its subject and object (None: any IRI, or the object's
# class is another vocabulary's).
SCHEMA = {
    "endpoint": ("Service", None),
    "supportedLanguage": ("Service", None),
    "resultFormat": ("Service", None),
    "feature": ("Service", None),
    "defaultDataset": ("Service", "Dataset"),
    "defaultGraph": ("Dataset", "Graph"),
    "namedGraph": ("Dataset", "NamedGraph"),
    "name": ("NamedGraph", None),
    "graph": ("NamedGraph", "Graph"),
}


@pytest.fixture
def description(endpoint):
    response = send(endpoint, Request("GET", headers={"Accept": "text/turtle"}))
    assert (response.status, response.media_type) == (200, "text/turtle")
    return read_rdf(response)


def test_returns_rdf(endpoint):
    for media_type in ("application/rdf+xml", "text/turtle", "application/n-triples"):
        response = send(endpoint, Request("GET", headers={"Accept": media_type}))
        assert (response.status, response.media_type) == (200, media_type)
        assert read_rdf(response)


def test_has_endpoint_triple(endpoint, description):
    named = {triple.object for triple in description if triple.predicate.value == f"{SD}endpoint"}
    assert named == {ox.NamedNode(endpoint)}


def test_conforms_to_schema(description):
    classes: dict[object, set[str]] = {}
    for triple in description:
        if triple.predicate == RDF_TYPE:
            classes.setdefault(triple.subject, set()).add(triple.object.value)
    used = set()
    for triple in description:
        if triple.predicate.value.startswith(SD):
            name = triple.predicate.value.removeprefix(SD)
            subject, target = SCHEMA[name]
            used.add(name)
            assert SD + subject in classes[triple.subject], triple
            assert isinstance(triple.object, ox.NamedNode) or target is not None, triple
            if target is not None:
                assert SD + target in classes[triple.object], triple
    assert {"endpoint", "supportedLanguage", "resultFormat", "defaultDataset"} <= used
