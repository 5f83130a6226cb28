"""The mediator behind the SPARQL 1.1 Protocol."""

import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from functools import partial
from typing import Self

from hereditary_kg.execution.answers import Answer as EngineAnswer
from hereditary_kg.execution.empty_answers import explain_empty_answer
from hereditary_kg.execution.engine import AsyncFederation
from hereditary_kg.execution.losses import Diagnosis
from hereditary_kg.execution.memory import DEFAULT_MEMORY_LIMIT
from hereditary_kg.execution.preparation import parse_for_federation
from hereditary_kg.execution.streams import one
from hereditary_kg.rdf.media_types import Format, GraphFormat, ResultFormat, negotiate
from hereditary_kg.rdf.terms import IRI
from hereditary_kg.sites.protocol import Answer, QueryRequest, ServiceError
from hereditary_kg.sparql.algebra import ConstructQuery, Dataset, DescribeQuery, Query
from hereditary_kg.sparql.errors import SparqlError
from hereditary_kg.web.admission import Admission
from hereditary_kg.web.certificate_shelf import AnswerRecord, CertificateShelf
from hereditary_kg.web.documents import write_answer
from hereditary_kg.web.refusals import refuse
from hereditary_kg.web.server_timing import TIMING_HEADER, write_server_timing

__all__ = [
    "ANSWER_HEADER",
    "CERTIFICATE_HEADER",
    "COMPLETE_HEADER",
    "PARTIAL_OPTION",
    "MediatorBackend",
]

ANSWER_HEADER = "HKG-Answer"
CERTIFICATE_HEADER = "HKG-Certificate"
COMPLETE_HEADER = "HKG-Complete"
PARTIAL_OPTION = "allow-partial"

_TRUTH = {"true": True, "1": True, "false": False, "0": False, "": False}


class MediatorBackend:
    """Answers the protocol's queries from a federation.

    An answer comes with these headers:

    - ``HKG-Answer``: its id, under which its record is found (see `CertificateShelf`);
    - ``HKG-Complete``: ``true`` or ``false``. Where only whole answers are taken (the default)
      it is ``true`` from the beginning: what turns out not to be breaks off. A partial answer
      is gathered before its first byte is sent, so that this header can be relied on;
    - ``Server-Timing``: where the time went until the first rows (see `write_server_timing`);
      the total too where the answer was there as a whole before its headers were sent;
    - ``HKG-Certificate``: the certificate in one sentence of ASCII; only where the answer was
      there as a whole before its headers were sent. The record has it in any case.

    Args:
        federation: answers the queries; it stays open.
        shelf: where the records go.
        timeout: seconds for one query, its answer's way to the asker included.
        concurrency: how many queries run at once; further ones wait, for as long at most.
        queue_limit: how many may wait.
        memory_limit: bytes that one query may hold, None for no limit.
    """

    def __init__(
        self,
        federation: AsyncFederation,
        shelf: CertificateShelf,
        *,
        timeout: float,
        concurrency: int,
        queue_limit: int = 1024,
        memory_limit: int | None = DEFAULT_MEMORY_LIMIT,
    ) -> None:
        self._federation = federation
        self._shelf = shelf
        self._timeout = timeout
        self._memory_limit = memory_limit
        self._admission = Admission(concurrency, timeout, queue_limit=queue_limit)

    async def answer(self, request: QueryRequest) -> Answer:
        """Start to answer a query; its first rows are there when this returns.

        Raises:
            ServiceError: there is no answer.
        """
        allow_partial = _read_partial(request)
        began = time.perf_counter()
        chosen = _choose_format(self._parse(request), request.accept)
        parsed = time.perf_counter()
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._admission.turn())
                waiting = time.perf_counter() - parsed
                answer = await stack.enter_async_context(
                    self._federation.answer(
                        request.query,
                        timeout=self._timeout,
                        allow_partial=allow_partial,
                        dataset=_read_dataset(request),
                        base=request.base,
                        memory_limit=self._memory_limit,
                    )
                )
                if allow_partial:
                    answer.batches = one(await answer.gather())
            except Exception as error:
                raise refuse(error) from error
            record = self._shelf.open()
            record.request = request
            write_timing = partial(write_server_timing, parsing=parsed - began, waiting=waiting)
            headers = {
                ANSWER_HEADER: record.identifier,
                COMPLETE_HEADER: str(answer.certificate().complete).lower(),
                TIMING_HEADER: write_timing(answer.timings()),
            }
            prefixes = dict(self._federation.description.prefixes)
            pieces = write_answer(answer, chosen, prefixes)
            document = _Document(
                pieces,
                answer,
                record,
                headers,
                stack.pop_all(),
                prefixes=prefixes,
                write_timing=write_timing,
            )
        return Answer(chosen.media_type, document, headers)

    async def diagnose(self, request: QueryRequest) -> Diagnosis:
        """Say why the answer to a query is empty.

        It takes a turn like a query, and has its time for all that it asks.

        Raises:
            ServiceError: that cannot be said.
        """
        async with self._admission.turn():
            try:
                return await explain_empty_answer(
                    self._federation,
                    request.query,
                    timeout=self._timeout,
                    dataset=_read_dataset(request),
                    base=request.base,
                    memory_limit=self._memory_limit,
                )
            except Exception as error:
                raise refuse(error) from error

    def _parse(self, request: QueryRequest) -> Query:
        prefixes = self._federation.description.prefixes
        try:
            return parse_for_federation(request.query, prefixes, request.base)
        except SparqlError as error:
            raise refuse(error) from error


class _Document:
    """The document of one answer; reading it keeps the answer's record."""

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        answer: EngineAnswer,
        record: AnswerRecord,
        headers: dict[str, str],
        stack: AsyncExitStack,
        *,
        prefixes: dict[str, str],
        write_timing: partial[str],
    ) -> None:
        self._pieces = pieces
        self._answer = answer
        self._record = record
        self._headers = headers
        self._prefixes = prefixes
        self._write_timing = write_timing
        self._stack = stack

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._pieces)
        except StopAsyncIteration:
            certificate = self._answer.certificate()
            self._record.certificate = certificate
            self._record.plan = partial(self._answer.explanation, self._prefixes)
            self._record.state = "finished"
            self._headers[CERTIFICATE_HEADER] = certificate.statement
            self._headers[TIMING_HEADER] = self._write_timing(self._answer.timings(), whole=True)
            raise
        except Exception as error:
            refusal = refuse(error)
            self._record.state = "failed"
            self._record.error = refusal.text
            raise refusal from error

    async def aclose(self) -> None:
        """Give up what was not read, and free the turn."""
        try:
            await self._pieces.aclose()
        finally:
            await self._stack.aclose()
            if self._record.state == "running":
                self._record.state = "failed"
                self._record.error = "The connection was closed before the answer's end."


def _read_dataset(request: QueryRequest) -> Dataset | None:
    """Read the protocol's dataset, which counts instead of the query's own (section 2.1.4)."""
    default = tuple(map(IRI, request.default_graphs))
    named = tuple(map(IRI, request.named_graphs))
    return Dataset(default, named) if default or named else None


def _read_partial(request: QueryRequest) -> bool:
    value = request.options.get(PARTIAL_OPTION, "")
    if value.lower() not in _TRUTH:
        raise ServiceError(400, f"The parameter '{PARTIAL_OPTION}' is true or false.")
    return _TRUTH[value.lower()]


def _choose_format(query: Query, accept: str | None) -> Format:
    if isinstance(query, ConstructQuery | DescribeQuery):
        return _negotiated(negotiate(accept, list(GraphFormat)), "graph", GraphFormat)
    what = "table of results"
    return _negotiated(negotiate(accept, list(ResultFormat)), what, ResultFormat)


def _negotiated(chosen: Format | None, what: str, formats: type[Format]) -> Format:
    if chosen is None:
        offered = ", ".join(each.media_type for each in formats)
        raise ServiceError(406, f"This query's answer is a {what}, offered as {offered}.")
    return chosen
