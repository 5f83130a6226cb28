"""Cases: one test of the W3C under one deal of its data, evaluated with and without the rules."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import polars as pl
import pyoxigraph as ox

from hereditary_kg.execution.engine import AsyncFederation
from hereditary_kg.execution.results import Result
from hereditary_kg.federation.description import FederationDescription, MemberDescription
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.transport import (
    EmbeddedTransport,
    ScriptedAnswer,
    ScriptedTransport,
    TransportRequest,
)
from hereditary_kg.rdf.result_writing import SolutionWriter, write_boolean
from hereditary_kg.sparql.algebra import (
    Dataset,
    Distinct,
    OrderBy,
    Pattern,
    Project,
    Query,
    Reduced,
    Service,
    Slice,
)
from hereditary_kg.sparql.parsing import parse_query
from hereditary_kg.sparql.variables import walk
from tests.conformance.answers import (
    Answer,
    Graph,
    Table,
    expected_answer,
    read_csv,
    read_oxigraph,
    same_answer,
)
from tests.conformance.deals import DEALS, GRAPH_DEALS, Deal
from tests.conformance.manifests import ManifestTest, published

__all__ = ["Case", "Verdict", "answer_of", "deals_of", "evaluate", "judge"]

# Tests of a result format read what our writers write.
_WRITTEN = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".srj": "json",
}


@dataclass(frozen=True)
class Case:
    """A test and all that it needs, read from its files.

    Attributes:
        test: the test.
        quads: its data.
        graphs: the names of its named graphs.
        expected: the answer of the manifest.
        ordered: whether the query orders its answer.
        calls: whether the query calls a service.
    """

    test: ManifestTest
    quads: tuple[ox.Quad, ...]
    graphs: tuple[ox.NamedNode, ...]
    expected: Answer
    ordered: bool
    calls: bool

    @classmethod
    @lru_cache(maxsize=8)
    def read(cls, test: ManifestTest) -> "Case":
        """Read the files of a test."""
        query = parse_query(test.text)
        named = dict(test.graphs)
        for clause in (*query.dataset.default, *query.dataset.named):
            named.setdefault(clause.value, _file_of(clause.value, test))
        quads = [quad for path in test.data for quad in _parse(path, ox.DefaultGraph())]
        for name, path in named.items():
            quads += _parse(path, ox.NamedNode(name))
        assert test.result is not None
        return cls(
            test,
            tuple(quads),
            tuple(map(ox.NamedNode, named)),
            expected_answer(test.result),
            _is_ordered(query),
            any(isinstance(node, Service) for node in walk(query.pattern)),
        )

    def agrees(self, answer: Answer, expected: Answer, *, exact: bool = False) -> bool:
        """Whether an answer is the expected one, in order where the test says so."""
        return same_answer(answer, expected, ordered=self.ordered, lax=self.test.lax, exact=exact)


def _file_of(iri: str, test: ManifestTest) -> Path:
    """Give the file of a graph that FROM names."""
    return next(path for path in test.query.parent.iterdir() if published(path) == iri)


def _parse(path: Path, graph: ox.NamedNode | ox.DefaultGraph) -> list[ox.Quad]:
    # Labels are made new: no blank node of one file is one of another.
    triples = ox.parse(path=str(path), base_iri=published(path), rename_blank_nodes=True)
    return [ox.Quad(t.subject, t.predicate, t.object, graph) for t in triples]


def _is_ordered(query: Query) -> bool:
    pattern: Pattern = query.pattern
    while isinstance(pattern, Slice | Project | Distinct | Reduced):
        pattern = pattern.pattern
    return isinstance(pattern, OrderBy)


def deals_of(test: ManifestTest) -> tuple[Deal, ...]:
    """Give the deals of a test: those of named graphs only where it has some."""
    has_graphs = bool(test.graphs) or parse_query(test.text).dataset != Dataset()
    return DEALS + GRAPH_DEALS if has_graphs else DEALS


# Oxigraph over one store


@lru_cache(maxsize=8)
def oxigraph_answer(test: ManifestTest) -> Answer | None:
    """Give Oxigraph's answer over one store of all data.

    Returns:
        The answer; None where Oxigraph does not answer the query (it calls no services).
    """
    case = Case.read(test)
    if case.calls:
        return None
    store = ox.Store()
    for graph in case.graphs:
        store.add_graph(graph)
    store.extend(case.quads)
    try:
        return read_oxigraph(store.query(test.text))
    except (RuntimeError, SyntaxError):
        return None


# The federation


@dataclass(frozen=True)
class Verdict:
    """How a case went.

    Attributes:
        right: the answer is the manifest's.
        as_oxigraph: the answer is that of Oxigraph over one store of all data.
        same_both_ways: the answers with and without the rules are the same multiset.
        account: query, answers and plan, for a message.
    """

    right: bool
    as_oxigraph: bool
    same_both_ways: bool
    account: str = ""


def judge(test: ManifestTest, deal: Deal) -> Verdict:
    """Evaluate a test under a deal, with the rules and without, and compare the answers."""
    case = Case.read(test)
    hands = deal.hands(case.quads, case.graphs)
    members = [
        Member(MemberDescription(f"m{number}"), EmbeddedTransport(hand.store()))
        for number, hand in enumerate(hands)
    ]
    results = evaluate(case, members)
    optimised, plain = (answer_of(result) for result in results)
    same = same_answer(optimised, plain, ordered=False, lax=test.lax)
    written = [_rewritten(answer, test) for answer in (optimised, plain)]
    right = all(case.agrees(answer, case.expected) for answer in written)
    oracle = oxigraph_answer(test)
    as_oxigraph = oracle is not None and all(
        case.agrees(answer, oracle) for answer in (optimised, plain)
    )
    account = "" if right and same else _account(case, deal, results, (*written, oracle))
    return Verdict(right, as_oxigraph, same, account)


def evaluate(case: Case, members: Sequence[Member]) -> tuple[Result, Result]:
    """Ask a federation of these members, with the rules and without."""

    async def ask() -> tuple[Result, Result]:
        federation = _federation(members, _endpoints(case.test))
        try:
            return (
                await federation.query(case.test.text),
                await federation.query(case.test.text, optimise=False),
            )
        finally:
            await federation.close()

    return asyncio.run(ask())


def _federation(members: Sequence[Member], services: Mapping[str, Member]) -> AsyncFederation:
    descriptions = tuple(member.description for member in members)
    description = FederationDescription(
        "dealt", members=descriptions, allowed_services=tuple(services)
    )
    return AsyncFederation(description, members, services)


def _endpoints(test: ManifestTest) -> dict[str, Member]:
    """Make the endpoints of a test; each may call the others, as a query at one of them does."""
    endpoints: dict[str, Member] = {}
    for number, (iri, files) in enumerate(test.services.items()):
        store = ox.Store()
        for path in files:
            store.extend(_parse(path, ox.DefaultGraph()))
        data = Member(MemberDescription(f"data{number}"), EmbeddedTransport(store))
        transport = ScriptedTransport(_answerer(data, endpoints))
        endpoints[iri] = Member(MemberDescription(f"service{number}"), transport)
    return endpoints


def _answerer(data: Member, endpoints: Mapping[str, Member]):
    async def answer(request: TransportRequest) -> ScriptedAnswer:
        answered = answer_of(await _federation([data], endpoints).query(request.query))
        assert isinstance(answered, Table)
        return ScriptedAnswer(_write(answered, "tsv"))

    return answer


def answer_of(result: Result) -> Answer:
    """Give a result as it compares."""
    if result.kind == "boolean":
        return bool(result)
    if result.kind == "graph":
        return Graph(frozenset(result.frame.rows()))
    names = sorted(result.variables)
    rows = result.frame.select(names).rows() if names else [()] * result.frame.height
    return Table(tuple(names), tuple(rows), ordered=True)


def _rewritten(answer: Answer, test: ManifestTest) -> Answer:
    """Write an answer in the result format that the test is of, and read it again."""
    if test.result is None or test.result.suffix not in _WRITTEN:
        return answer
    result_format = _WRITTEN[test.result.suffix]
    if isinstance(answer, bool):
        document = write_boolean(answer, result_format)
    elif isinstance(answer, Table):
        document = _write(answer, result_format)
    else:
        return answer
    if result_format == "csv":
        return read_csv(document)
    formats = {"tsv": ox.QueryResultsFormat.TSV, "json": ox.QueryResultsFormat.JSON}
    return read_oxigraph(ox.parse_query_results(document, formats[result_format]))


def _write(table: Table, result_format: str) -> bytes:
    columns = {
        name: [row[place] for row in table.rows] for place, name in enumerate(table.variables)
    }
    frame = pl.DataFrame(columns, schema=dict.fromkeys(table.variables, pl.String))
    writer = SolutionWriter(table.variables, result_format)
    return writer.header() + writer.rows(frame) + writer.footer()


def _account(
    case: Case, deal: Deal, results: Sequence[Result], answers: Sequence[Answer | None]
) -> str:
    optimised, plain, oracle = answers
    return "\n".join(
        (
            f"{case.test} dealt {deal}",
            case.test.text,
            f"expected: {case.expected}",
            f"Oxigraph: {oracle}",
            f"with the rules: {optimised}",
            f"without: {plain}",
            str(results[0].plan),
            str(results[1].plan),
        )
    )
