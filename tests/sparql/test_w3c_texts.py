"""The W3C's SPARQL 1.0 and 1.1 query tests: what is read, what is refused, what is printed."""

import re
from pathlib import Path
from urllib.parse import unquote, urlparse

import pyoxigraph
import pytest

from hereditary_kg.sparql.algebra import Service, Variable
from hereditary_kg.sparql.errors import SparqlSyntaxError
from hereditary_kg.sparql.parsing import parse_query
from hereditary_kg.sparql.printing import query_text
from hereditary_kg.sparql.variables import walk

ROOT = Path(__file__).resolve().parents[3] / "shared" / "w3c-sparql"
pytestmark = pytest.mark.skipif(
    not ROOT.is_dir(), reason="the W3C test suites are not beside the project (../shared)"
)

_TESTS = """
PREFIX mf: <http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#>
PREFIX qt: <http://www.w3.org/2001/sw/DataAccess/tests/test-query#>
SELECT ?type ?query ?data ?graph WHERE {
  ?test a ?type ; mf:action ?action .
  OPTIONAL { ?action qt:query ?named }
  OPTIONAL { ?action qt:data ?data }
  OPTIONAL { ?action qt:graphData ?graph }
  BIND(COALESCE(?named, ?action) AS ?query)
  FILTER(ISIRI(?query) && STRENDS(STR(?query), ".rq"))
}"""
_NOTHING = Variable.HIDDEN + "row"


def _path(node):
    return Path(unquote(urlparse(node.value).path))


def _tests():
    """Give the query tests as (kind, query file, data files, named graph files)."""
    found = {}
    for manifest in sorted(ROOT.glob("sparql1*/**/manifest*.ttl")):
        store = pyoxigraph.Store()
        store.load(
            path=str(manifest), base_iri=manifest.as_uri(), format=pyoxigraph.RdfFormat.TURTLE
        )
        for row in store.query(_TESTS):
            kind = row["type"].value.rpartition("#")[2]
            if not _path(row["query"]).is_file():
                continue
            data, named = found.setdefault((kind, _path(row["query"])), (set(), set()))
            data |= {_path(row["data"])} if row["data"] is not None else set()
            named |= (
                {_path(row["graph"])} if isinstance(row["graph"], pyoxigraph.NamedNode) else set()
            )
    return [(kind, query, *files) for (kind, query), files in sorted(found.items())]


TESTS = _tests() if ROOT.is_dir() else []
NEGATIVE = [query for kind, query, *_ in TESTS if "NegativeSyntax" in kind]
POSITIVE = sorted({query for kind, query, *_ in TESTS if "NegativeSyntax" not in kind})
EVALUATED = [tuple(files) for kind, *files in TESTS if kind == "QueryEvaluationTest" and files[1]]


def _named(value):
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else None


def _read(query):
    return query.read_text(encoding="utf-8")


def _renamed(text):
    names = {}
    return re.sub(r"\?hkg__\w+|_:\w+", lambda m: names.setdefault(m[0], f"?h{len(names)}"), text)


def test_the_suites_are_all_there():
    assert len(NEGATIVE) >= 80
    assert len(POSITIVE) >= 500
    assert len(EVALUATED) >= 300


@pytest.mark.parametrize("query", NEGATIVE, ids=_named)
def test_wrong_queries_are_refused(query):
    with pytest.raises(SparqlSyntaxError):
        parse_query(_read(query), base=query.as_uri())


@pytest.mark.parametrize("query", POSITIVE, ids=_named)
def test_right_queries_are_read_and_printed(query):
    parsed = parse_query(_read(query), base=query.as_uri())
    printed = query_text(parsed)
    again = query_text(parse_query(printed))
    assert _renamed(query_text(parse_query(again))) == _renamed(again)
    if not any(isinstance(node, Service) for node in walk(parsed.pattern)):
        _accept(printed)


def _accept(text):
    try:
        pyoxigraph.Store().query(text)
    except RuntimeError as error:
        # A function that Oxigraph does not have is no matter of syntax.
        assert "custom function" in str(error), text  # noqa: PT017


@pytest.mark.parametrize(("query", "data", "named"), EVALUATED, ids=_named)
def test_printed_queries_keep_their_answers(query, data, named):
    parsed = parse_query(_read(query), base=query.as_uri())
    if any(isinstance(node, Service) for node in walk(parsed.pattern)):
        pytest.skip("a SERVICE would be asked over the network")
    store = _store(data, named)
    if store is None:
        pytest.skip("Oxigraph cannot read the data of this test")
    try:
        expected = _answer(store.query(_read(query), base_iri=query.as_uri()))
    except (RuntimeError, SyntaxError) as error:
        pytest.skip(f"Oxigraph does not answer the original: {error}")
    assert _answer(store.query(query_text(parsed))) == expected


def _store(data, named):
    store = pyoxigraph.Store()
    try:
        for path in data:
            store.load(path=str(path), base_iri=path.as_uri())
        for path in named:
            graph = pyoxigraph.NamedNode(path.as_uri())
            store.load(path=str(path), base_iri=path.as_uri(), to_graph=graph)
    except SyntaxError:
        return None
    return store


def _answer(result):
    """Bring an answer to a form that compares.

    Graphs compare by canonical blank node labels. Rows compare as multisets in which all blank
    nodes look alike: coarse, but a printed query leaves blank nodes of the data alone.
    """
    if isinstance(result, pyoxigraph.QueryBoolean):
        return bool(result)
    if isinstance(result, pyoxigraph.QueryTriples):
        dataset = pyoxigraph.Dataset(
            pyoxigraph.Quad(t.subject, t.predicate, t.object) for t in result
        )
        dataset.canonicalize(pyoxigraph.CanonicalizationAlgorithm.UNSTABLE)
        return sorted(map(str, dataset))
    names = sorted(v.value for v in result.variables if v.value != _NOTHING)
    rows = (tuple(re.sub(r"_:\w+", "_:b", str(row[name])) for name in names) for row in result)
    return names, sorted(rows)
