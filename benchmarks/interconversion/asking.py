"""Asking questions, and comparing what comes back."""

import io
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import wraps
from pathlib import Path
from typing import Any

from benchmarks.interconversion.questions import Question
from benchmarks.interconversion.raw_oracle import RawOracle
from hereditary_kg import Federation, Result
from hereditary_kg.execution.conversions import Conversions
from hereditary_kg.federation.coding import MemberCoding
from hereditary_kg.federation.connection import connect_members
from hereditary_kg.semantics.data_conversion.data_files import describe_file
from hereditary_kg.semantics.data_conversion.keeping import Keep
from hereditary_kg.semantics.data_conversion.outcomes import CodeConverter
from hereditary_kg.semantics.data_conversion.phenopackets import convert_phenopackets
from hereditary_kg.semantics.hub import Hub
from hereditary_kg.semantics.query_conversion import MemberConversion
from hereditary_kg.semantics.translation import Translator

__all__ = [
    "CONVERTED",
    "Asked",
    "WrongAnswerError",
    "ask",
    "check",
    "convert_phenopackets_to",
    "without_conversion",
]

CONVERTED: Mapping[str, int] = {"exact": 2778, "broader": 7474, "none": 224, "unknown": 104}
"""Cases of the clinic's phenopackets by what becomes of their disease in NCIT, as published."""

_DIAGNOSIS = "interpretations[].diagnosis.disease"


class WrongAnswerError(Exception):
    """An answer is not the right one."""


@dataclass(frozen=True)
class Asked:
    """An answer.

    Attributes:
        result: of the federation.
        facts: what the question's ``read`` makes of it.
        seconds: from the text to the whole answer.
        rewriting: seconds of processor time for rewriting the query, for all members together.
    """

    result: Result
    facts: Mapping[str, Any]
    seconds: float
    rewriting: float


def ask(federation: Federation, question: Question) -> Asked:
    """Ask one question.

    Args:
        federation: that of `build_sites`; `without_conversion` of it for questions that are not
            converted.
        question: one of `QUESTIONS`.
    """
    with _rewriting_watched() as watch:
        began = time.perf_counter()
        result = federation.query(question.text, timeout=600)
        seconds = time.perf_counter() - began
    hub = federation.engine.hub or Hub()
    return Asked(result, question.read(result.to_polars(), hub), seconds, watch.seconds)


def without_conversion(federation: Federation) -> Federation:
    """Give the same federation, in which nothing is converted."""
    described = federation.description
    members = tuple(replace(each, coding=MemberCoding()) for each in described.members)
    plain = replace(described, members=members, conversion=None)
    return Federation(plain, connect_members(plain))


def check(question: Question, asked: Asked, oracle: RawOracle) -> None:
    """Compare an answer with published figures and with what plain Python finds.

    Raises:
        WrongAnswerError: it differs, or its certificate says of a member what it may not.
    """
    for name, figure in question.published.items():
        if asked.facts[name] != figure:
            told = f"{name} is {asked.facts[name]}, and {figure} as published"
            raise WrongAnswerError(f"{question.name}: {told}")
    found = question.found(oracle)
    for name in sorted(asked.facts.keys() | found.keys()):
        ours, theirs = asked.facts.get(name), found.get(name)
        if ours != theirs:
            told = f"{name} is {ours}, and {theirs} by plain Python over the files"
            raise WrongAnswerError(f"{question.name}: {told}")
    bounds = {
        place: [
            report.bound
            for report in asked.result.certificate.conversions
            if report.asked and place == f"{report.member} {report.predicate.rpartition('#')[2]}"
        ]
        for place in question.bounds
    }
    for place, said in bounds.items():
        if not said or any(bound not in question.bounds[place] for bound in said):
            told = f"the certificate says {said} at {place}, and not {question.bounds[place][0]}"
            raise WrongAnswerError(f"{question.name}: {told}")


def convert_phenopackets_to(hub: Hub, vocabulary: str, source: Path) -> Mapping[str, int]:
    """Convert the diseases of phenopackets, as ``hkg map convert`` does.

    Returns:
        How many cases became what.
    """
    converter = CodeConverter(hub, vocabulary)
    written = describe_file(Path("converted.jsonl"))
    report = convert_phenopackets(
        source,
        io.BytesIO(),
        written,
        converter,
        places=frozenset({_DIAGNOSIS}),
        keep=Keep.MAPPINGS,
    )
    return {standing.value: count for standing, count in report.totals().occurrences.items()}


@dataclass
class _Watch:
    """Adds up the processor time of calls, inner ones not counted twice."""

    seconds: float = 0.0
    _depth: int = field(default=0)

    def watched(self, function: Any) -> Any:
        @wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            self._depth += 1
            began = time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                self._depth -= 1
                if not self._depth:
                    self.seconds += time.thread_time() - began

        return timed


@contextmanager
def _rewriting_watched() -> Iterator[_Watch]:
    """Take the time of what rewrites queries: what `hkg:includes` says, and members' own codes."""
    watch = _Watch()
    places = [
        (Conversions, "query"),
        (Translator, "translate"),
        (MemberConversion, "matches_nothing"),
        (MemberConversion, "native"),
        (MemberConversion, "pairs_of"),
    ]
    before = [(owner, name, getattr(owner, name)) for owner, name in places]
    for owner, name, function in before:
        setattr(owner, name, watch.watched(function))
    try:
        yield watch
    finally:
        for owner, name, function in before:
            setattr(owner, name, function)
