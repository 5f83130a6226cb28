"""What passed between an engine and the members, counted by the form of each request."""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

__all__ = [
    "ASK",
    "COUNT",
    "OTHER",
    "PROBE",
    "SELECT",
    "RequestTrace",
    "Traffic",
    "classify_request",
]

ASK = "ask"
PROBE = "probe"
COUNT = "count"
SELECT = "select"
OTHER = "other"

_COMMENTS_AND_TEXTS = re.compile(
    r"""<[^<>"{}|^`\\\s]*>|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\#[^\n]*"""
)
_FORM = re.compile(r"(?<![\w:])(SELECT|ASK|CONSTRUCT|DESCRIBE)(?![\w:])", re.IGNORECASE)
_LIMIT = re.compile(r"\bLIMIT\s+(\d+)", re.IGNORECASE)
_COUNT = re.compile(
    r"\bSELECT\s*\(\s*COUNT\s*\([^()]*\)\s*AS\s*\S+\s*\)\s*(WHERE\b|\{)", re.IGNORECASE
)
_GROUPED = re.compile(r"\bGROUP\s+BY\b", re.IGNORECASE)


@dataclass(frozen=True)
class RequestTrace:
    """One request.

    Attributes:
        member: whom it went to.
        kind: its form: ``ask``; ``probe`` (every LIMIT in it is 1: it asks whether there is
            something); ``count`` (one ungrouped COUNT alone); ``select`` (anything else that
            is a query); ``other`` (no query: a profile, a service description).
        query: its text.
        status: the status of the answer; 0 where it was given up before.
        rows: rows of the answer.
        bytes: bytes of the answer's body.
        milliseconds: from its arrival to the end of its answer, the delay included.
    """

    member: str
    kind: str
    query: str
    status: int
    rows: int
    bytes: int
    milliseconds: float


@dataclass(frozen=True)
class Traffic:
    """Sums over requests.

    Attributes:
        requests: all that carry a query, of whatever form.
        asks: those among them that are ASK.
        probes: those that are SELECTs with LIMIT 1 throughout.
        counts: those that are COUNTs.
        others: what carries no query, counted apart.
        members: how many members were sent queries.
        most: the most queries that one member was sent.
        rows: rows that came back.
        bytes: bytes that came back.
    """

    requests: int = 0
    asks: int = 0
    probes: int = 0
    counts: int = 0
    others: int = 0
    members: int = 0
    most: int = 0
    rows: int = 0
    bytes: int = 0

    @classmethod
    def of(cls, traces: Iterable[RequestTrace]) -> "Traffic":
        """Sum up requests."""
        queries = []
        others = 0
        for trace in traces:
            if trace.kind == OTHER:
                others += 1
            else:
                queries.append(trace)
        kinds = [trace.kind for trace in queries]
        per_member: dict[str, int] = {}
        for trace in queries:
            per_member[trace.member] = per_member.get(trace.member, 0) + 1
        return cls(
            requests=len(queries),
            asks=kinds.count(ASK),
            probes=kinds.count(PROBE),
            counts=kinds.count(COUNT),
            others=others,
            members=len(per_member),
            most=max(per_member.values(), default=0),
            rows=sum(trace.rows for trace in queries),
            bytes=sum(trace.bytes for trace in queries),
        )

    def to_dict(self) -> dict[str, Any]:
        """Give the sums by name."""
        return asdict(self)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Give the names of the sums."""
        return tuple(field.name for field in fields(cls))


def classify_request(query: str) -> str:
    """Tell the form of a request from its query's text; see `RequestTrace.kind`."""
    bare = _COMMENTS_AND_TEXTS.sub(lambda match: "<>" if match[0][0] == "<" else '""', query)
    form = _FORM.search(bare)
    if form is None:
        return OTHER
    if form[1].upper() == "ASK":
        return ASK
    limits = _LIMIT.findall(bare)
    if form[1].upper() == "SELECT":
        if limits and set(limits) == {"1"}:
            return PROBE
        if _COUNT.search(bare[form.start() :]) and not _GROUPED.search(bare):
            return COUNT
    return SELECT
