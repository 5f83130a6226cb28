"""A member of a federation, as the mediator sees it."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import polars as pl

from hereditary_kg.federation.answer_columns import arrange_columns
from hereditary_kg.federation.blank_nodes import scope_blank_nodes
from hereditary_kg.federation.circuit_breaker import CircuitBreaker
from hereditary_kg.federation.count_stamps import StampCheck, is_count_stamp
from hereditary_kg.federation.deadline import Deadline, WaitBudget
from hereditary_kg.federation.description import MemberDescription
from hereditary_kg.federation.dialects import read_dialect, stated_row_cap
from hereditary_kg.federation.errors import (
    MemberError,
    PartialAnswerError,
    RefusedError,
    RowCapError,
    StaleProfileError,
    StatusError,
    TransportError,
    TransportTimeoutError,
    UnreachableError,
)
from hereditary_kg.federation.exchange import Exchange
from hereditary_kg.federation.experience import Experience
from hereditary_kg.federation.failures import Failure, member_error
from hereditary_kg.federation.member_status import MemberStatus, ProfileState
from hereditary_kg.federation.profile_cache import ProfileCache
from hereditary_kg.federation.request_log import RequestLog, RequestRecord
from hereditary_kg.federation.request_slots import RequestSlots, Slot
from hereditary_kg.federation.retry import RetryPolicy, send_patiently
from hereditary_kg.federation.statistics import MemberStatistics
from hereditary_kg.federation.transport import (
    DATA_VERSION_HEADER,
    ServiceIdentity,
    Transport,
    TransportResponse,
)
from hereditary_kg.rdf.errors import ResultError
from hereditary_kg.rdf.media_types import ResultFormat
from hereditary_kg.rdf.result_reading import read_boolean, read_solutions
from hereditary_kg.sites.profile import Profile

__all__ = ["PROFILE_AGE", "Member"]

PROFILE_AGE = 10.0
"""Seconds for which a profile is used without asking its member whether it still holds. Every
answer of a member says which data it comes from; this limits how long new data can go unnoticed
at a member that the old profile gave no reason to ask."""

_TSV, _JSON, _XML = (
    form.media_type for form in (ResultFormat.TSV, ResultFormat.JSON, ResultFormat.XML)
)
_ACCEPTED_SOLUTIONS = {
    "tsv": f"{_TSV}, {_JSON};q=0.6, {_XML};q=0.3",
    "json": f"{_JSON}, {_XML};q=0.3",
}
_ACCEPTED_BOOLEANS = f"{_JSON}, {_XML};q=0.5"


@dataclass(frozen=True)
class _LoopState:
    """What is bound to one event loop."""

    slots: RequestSlots
    profile_lock: asyncio.Lock


@dataclass(frozen=True)
class _Question:
    """What is asked, and under what terms."""

    query: str
    accept: str
    deadline: Deadline
    log: RequestLog
    purpose: str
    expected_version: str | None
    step: int | None = None
    divisible: bool = False


@dataclass(frozen=True)
class _Answer:
    """An answer that has begun, and the slot that it holds."""

    exchange: Exchange
    response: TransportResponse
    slot: Slot

    def chunks(self) -> AsyncGenerator[bytes, None]:
        return self.exchange.chunks(self.response)


class Member:
    """Asks one member, within limits, and says what came of it.

    Every failure becomes a `MemberError` that names the member. A passing failure (no
    connection, 429, a quick 502, 503 or 504) is tried again before any row is handed out. A
    member that fails three times running is left alone for ten seconds. No more requests than
    `description.concurrency` are open at once. One member may be used from several event
    loops in turn, not from several threads at once; `close` belongs to each loop.

    Attributes:
        name: the member's name.
        description: how it is described.
        transport: the way to it.
        experience: what its answers have taught.
    """

    def __init__(
        self,
        description: MemberDescription,
        transport: Transport,
        *,
        retry_policy: RetryPolicy | None = None,
        circuit_breaker: CircuitBreaker | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Put a member together.

        Args:
            description: name, limits, preferred result format.
            transport: the way to it.
            retry_policy: when failures are tried again.
            circuit_breaker: when it is left alone.
            clock: monotonic time in seconds; tests put their own here.
        """
        self.name = description.name
        self.description = description
        self.transport = transport
        self.experience = Experience.of(description)
        self._policy = retry_policy or RetryPolicy()
        self._breaker = circuit_breaker or CircuitBreaker(clock=clock)
        self._clock = clock
        self._profiles = ProfileCache(transport, description.profile, clock=clock)
        self._stamp_check = StampCheck(description.profile_check, clock=clock)
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopState] = WeakKeyDictionary()

    def __repr__(self) -> str:
        return f"Member({self.name!r})"

    async def select(
        self,
        query: str,
        variables: Sequence[str],
        *,
        deadline: Deadline,
        log: RequestLog,
        purpose: str = "query",
        step: int | None = None,
        divisible: bool = False,
        expected_version: str | None = None,
    ) -> AsyncGenerator[pl.DataFrame, None]:
        """Send a SELECT query and hand out its solutions as they arrive.

        Close the generator (``contextlib.aclosing``) to give up the rest of the answer; the
        connection is closed then. The request is logged in any case.

        Args:
            query: the query text.
            variables: the variables that it projects, without ``?``.
            deadline: the query's deadline; the member's own limit holds as well.
            log: where the request is recorded when it ends.
            purpose: what it is for, as the certificate will say.
            step: which step of a plan it is for, as the log will say.
            divisible: whether the caller asks for less where this is too much. Then a failure
                of the member's speaks against the request: it is neither tried again as it
                stands nor held against the member.
            expected_version: the stamp of the profile that the plan was made with; by default
                that of the profile that `profile` gave last.

        Yields:
            Frames with exactly the columns `variables`, in that order, of canonical terms with
            null for unbound; blank nodes are ``_:NAME.label``, or ``_:NAME.NUMBER.label`` where
            their labels hold for one answer. The first frame comes even if there is no row.

        Raises:
            MemberError: the member failed. Frames may have been handed out before.
            RowCapError: the member says that it may have cut the answer short, of which all
                frames have been handed out. (Many cap rows and say nothing:
                `Experience.row_cap` knows which numbers are suspicious.)
            StaleProfileError: the member's data are not those of the profile; no frame has
                been handed out.
        """
        accept = _ACCEPTED_SOLUTIONS[self.description.results]
        expected = expected_version or self._current_stamp()
        question = _Question(query, accept, deadline, log, purpose, expected, step, divisible)
        async with (
            self._asking(question) as answer,
            aclosing(answer.chunks()) as chunks,
            aclosing(read_solutions(chunks, answer.response.media_type)) as batches,
        ):
            number = log.begin()
            scope = self.name if self._keeps_labels(answer.response) else f"{self.name}.{number}"
            async for batch in batches:
                rows = read_dialect(answer.response, arrange_columns(batch, variables))
                frame = scope_blank_nodes(rows, scope)
                if frame is not rows and scope != self.name:
                    log.note_blank_nodes(self.name, number)
                answer.exchange.rows += frame.height
                with answer.slot.stalled():
                    yield frame
        cap = stated_row_cap(answer.response)
        if cap is not None and 0 < cap <= answer.exchange.rows:
            raise RowCapError(self.name, answer.exchange.rows, query)

    async def ask(
        self,
        query: str,
        *,
        deadline: Deadline,
        log: RequestLog,
        purpose: str = "probe",
        expected_version: str | None = None,
    ) -> bool:
        """Send an ASK query; arguments and errors are those of `select`."""
        expected = expected_version or self._current_stamp()
        question = _Question(query, _ACCEPTED_BOOLEANS, deadline, log, purpose, expected)
        return await self._ask(question)

    async def profile(
        self, deadline: Deadline, max_age: float = PROFILE_AGE, log: RequestLog | None = None
    ) -> Profile | None:
        """Give the member's profile, asking it whether the one at hand still holds.

        Args:
            deadline: when to give up.
            max_age: seconds for which a profile is used without asking. A profile that an
                answer has shown to be out of date is asked for again in any case. Where a file
                stands in, the file is looked at, and the member asked every `ABSENCE_AGE`
                seconds; with 0, always. A profile that names counts as its version is
                compared with the member's every `description.profile_check` seconds.
            log: where the requests of such a comparison are recorded.

        Returns:
            The profile; None where there is none, or none of the data that the member has now.

        Raises:
            MemberError: the member cannot be asked, or its profile not be read.
        """
        budget = self._budget(deadline)

        async def refresh() -> None:
            async with budget.waiting():
                await self._profiles.refresh(ask=max_age == 0)

        try:
            async with AsyncExitStack() as stack:
                async with budget.waiting():
                    await stack.enter_async_context(self._loop_state().profile_lock)
                # Whoever held the lock may have asked meanwhile.
                if not self._profiles.is_fresh(max_age):
                    await send_patiently(refresh, self._policy, deadline, clock=self._clock)
                stamp = self._profiles.stamp
                if stamp is not None and is_count_stamp(stamp):
                    check = self._stamp_check.compare
                    self._profiles.note_counts(await check(self, stamp, deadline, log, max_age))
        except (TransportError, TimeoutError) as failure:
            raise member_error(self.name, failure, budget, None) from failure
        return self.known_profile

    def knows_profile(self, max_age: float = PROFILE_AGE) -> bool:
        """Whether `profile` would ask nobody: then `known_profile` is what it gives.

        Args:
            max_age: as for `profile`, but not 0.
        """
        stamp = self._profiles.stamp
        return self._profiles.is_fresh(max_age) and (
            stamp is None or not is_count_stamp(stamp) or self._stamp_check.is_fresh(stamp)
        )

    @property
    def known_profile(self) -> Profile | None:
        """The profile that `profile` gave last; None where there is none, or of other data."""
        return None if self.profile_warning else self._profiles.usable

    @property
    def profile_warning(self) -> str | None:
        """Why the profile at hand is not used; None where nothing is wrong."""
        return self._stamp_check.warning(self.name, self._profiles.stamp)

    @property
    def has_unverified_profile(self) -> bool:
        """Whether it does not say whether the profile in use, a file's, is of its data."""
        return self._profiles.is_unverified

    async def check(self, deadline: Deadline) -> MemberStatus:
        """Find out whether the member is up, what it is, and whether its profile is current.

        Raises nothing that the member is to blame for: that is what the status says.
        """
        started = self._clock()
        identity = ServiceIdentity()
        profile: Profile | None = None
        error: str | None = None
        milliseconds: float | None = None
        try:
            question = _Question(
                "ASK {}", _ACCEPTED_BOOLEANS, deadline, RequestLog(), "check", None
            )
            await self._ask(question)
            milliseconds = (self._clock() - started) * 1000
            profile = await self.profile(deadline, max_age=0)
            identity = await self._identify(deadline)
        except MemberError as failure:
            error = f"{failure.kind}: {failure.reason}"
        return MemberStatus(
            name=self.name,
            address=self.address,
            up=milliseconds is not None,
            milliseconds=milliseconds,
            software=identity.software,
            title=identity.title or self.description.title or None,
            triples=profile.triples if profile is not None else identity.triples,
            profile=self._profile_state(),
            error=error,
            warning=self.profile_warning,
        )

    @property
    def address(self) -> str:
        """Where the member is, as described: without the values of environment variables."""
        if self.description.url is not None:
            return self.description.url
        return str(self.description.site) if self.description.site else "in this process"

    @property
    def statistics(self) -> MemberStatistics:
        """What its answers have cost so far."""
        return self.experience.statistics

    @property
    def row_cap(self) -> int | None:
        """How many rows it gives at most, as far as that is known.

        Ordered rows beyond that cannot be had: they should be ordered at the mediator.
        """
        return self.experience.row_cap.rows

    async def close(self) -> None:
        """Close the connections of the running event loop; the member stays usable."""
        await self.transport.close()

    async def _ask(self, question: _Question) -> bool:
        async with (
            self._asking(question) as answer,
            aclosing(answer.chunks()) as chunks,
        ):
            value = await read_boolean(chunks, answer.response.media_type)
            answer.exchange.rows = 1
            return value

    async def _identify(self, deadline: Deadline) -> ServiceIdentity:
        budget = self._budget(deadline)
        try:
            async with budget.waiting():
                return await self.transport.identify()
        except (TransportError, TimeoutError) as failure:
            raise member_error(self.name, failure, budget, None) from failure

    @asynccontextmanager
    async def _asking(self, question: _Question) -> AsyncIterator[_Answer]:
        """Open one exchange; on leaving, judge it, log it and name what went wrong."""
        started = self._clock()
        budget = self._budget(question.deadline)
        exchange = Exchange(
            self.transport,
            question.query,
            question.accept,
            budget,
            # A busy server is asked for less instead of once more.
            replace(self._policy, quick_failure=-1) if question.divisible else self._policy,
            clock=self._clock,
        )
        outcome: str | None = "cancelled"
        try:
            async with AsyncExitStack() as stack:
                slot = await self._take_slot(stack, question.deadline)
                self._pass_circuit(stack)
                response = await exchange.open(stack)
                self._compare_version(response, question.expected_version)
                latency, waited = exchange.latency, budget.spent
                yield _Answer(exchange, response, slot)
            self._breaker.succeed()
            outcome = None
            self.experience.statistics = self.statistics.with_answer(
                latency=latency,
                seconds=budget.spent - waited,
                rows=exchange.rows,
                size=exchange.bytes,
            )
        except (TransportError, ResultError, TimeoutError) as failure:
            if exchange.attempts and not question.divisible:
                self._judge(failure, budget, self._clock() - started)
            error = member_error(self.name, failure, budget, question.query)
            outcome = f"{error.kind}: {error.reason}"
            raise error from failure
        except StaleProfileError as failure:
            self._breaker.succeed()
            outcome = str(failure)
            raise
        finally:
            question.log.append(
                RequestRecord(
                    member=self.name,
                    query=question.query,
                    purpose=question.purpose,
                    rows=exchange.rows,
                    bytes=exchange.bytes,
                    seconds=self._clock() - started,
                    status=exchange.status,
                    error=outcome,
                    attempts=exchange.attempts,
                    step=question.step,
                    ended=self._clock(),
                )
            )

    async def _take_slot(self, stack: AsyncExitStack, deadline: Deadline) -> Slot:
        try:
            async with WaitBudget(deadline, None, clock=self._clock).waiting():
                return await stack.enter_async_context(self._loop_state().slots.hold())
        except TimeoutError as error:
            raise TransportTimeoutError(
                f"all {self.description.concurrency} requests that it may get at once were "
                "still open at the query's deadline"
            ) from error

    def _pass_circuit(self, stack: AsyncExitStack) -> None:
        wait = self._breaker.admit()
        if wait is not None:
            raise UnreachableError(
                f"circuit open: it failed {self._breaker.threshold} times running (last: "
                f"{self._breaker.last_failure}) and is asked again in {wait:.0f} s"
            )
        # Whatever ends the request otherwise, a trial must not stay open for ever.
        stack.callback(self._breaker.abandon)

    def _judge(self, failure: Failure, budget: WaitBudget, took: float) -> None:
        """Tell the circuit breaker whether a failure speaks against the member."""
        match failure:
            case StatusError():
                # A slow 503 or 504 speaks against the query.
                slow = failure.status in {502, 503, 504}
                if failure.status < 500:
                    self._breaker.succeed()
                elif not slow or self._policy.is_passing(failure, took):
                    self._breaker.fail(str(failure))
            case TimeoutError():
                # That the user had no time to wait says nothing about the member.
                if budget.exhausted_own_limit:
                    self._breaker.fail("timeout")
            case RefusedError() | ResultError() | PartialAnswerError():
                pass
            case _:
                self._breaker.fail(str(failure))

    def _compare_version(self, response: TransportResponse, expected: str | None) -> None:
        version = response.header(DATA_VERSION_HEADER)
        # A site's answers are whole, or fail.
        self.experience.row_cap.exempt = version is not None
        if version is None:
            return
        self._profiles.note_data_version(version)
        if expected is not None and version != expected:
            raise StaleProfileError(self.name, expected, version)

    def _budget(self, deadline: Deadline) -> WaitBudget:
        return WaitBudget(deadline, self.description.timeout, clock=self._clock)

    def _keeps_labels(self, response: TransportResponse) -> bool:
        """Whether a blank node has the same label in every answer."""
        if self.description.blank_nodes is not None:
            return self.description.blank_nodes == "stable"
        return response.header(DATA_VERSION_HEADER) is not None

    def _current_stamp(self) -> str | None:
        profile = self._profiles.usable
        return profile.stamp if profile is not None else None

    def _profile_state(self) -> ProfileState:
        if not self._profiles.is_present:
            return "absent"
        if self._profiles.is_stale:
            return "stale"
        return "current" if self._profiles.is_verified else "unverified"

    def _loop_state(self) -> _LoopState:
        loop = asyncio.get_running_loop()
        state = self._loops.get(loop)
        if state is None:
            slots = RequestSlots(self.description.concurrency, clock=self._clock)
            state = self._loops[loop] = _LoopState(slots, asyncio.Lock())
        return state
