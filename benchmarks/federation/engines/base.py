"""What the runner needs of an engine."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

__all__ = [
    "Engine",
    "EngineAnswer",
    "EngineDownError",
    "EngineError",
    "EngineTimeoutError",
    "ServedFederation",
]


class EngineError(Exception):
    """The engine gave no answer; the message says what it said instead."""


class EngineTimeoutError(EngineError):
    """The engine did not answer in time."""


class EngineDownError(EngineError):
    """The engine broke the connection off; it may have to be started again."""


@dataclass(frozen=True)
class ServedFederation:
    """Members that are up, as an engine gets to know them.

    Attributes:
        urls: per member the URL of its SPARQL endpoint, at the proxy.
        description: a federation description (TOML) of hereditary_kg with the same URLs and
            the members' profiles.
        directory: where an engine may write; removed at the end.
    """

    urls: Mapping[str, str]
    description: Path
    directory: Path


@dataclass(frozen=True)
class EngineAnswer:
    """An answer as it came, and when.

    Attributes:
        document: the SPARQL results, unread: reading them is no part of the time.
        media_type: of what type they are: TSV, JSON or XML results.
        seconds: from the first byte of the query to the last of the answer.
        first_row: seconds until the first row was there; None if there is none, or if that
            is not known.
        planning: seconds of planning within that; None where the engine does not tell.
    """

    document: bytes
    media_type: str
    seconds: float
    first_row: float | None = None
    planning: float | None = None


class Engine(Protocol):
    """A federation engine.

    The runner calls `start`, then `answer` for one query at a time, then `stop`. After a
    time-out, or where it is down, it stops and starts the engine, so that nothing of the old
    query goes on.

    Attributes:
        name: what stands in the tables.
    """

    name: str

    def start(self, federation: ServedFederation) -> None:
        """Start the engine; return when it takes queries.

        Raises:
            EngineError: it does not start, or is not installed; the message says how to.
        """
        ...

    def answer(self, query: str, timeout: float) -> EngineAnswer:
        """Answer a query.

        Args:
            query: SPARQL 1.1, without SERVICE.
            timeout: seconds after which to give up.

        Raises:
            EngineTimeoutError: there was no whole answer in time.
            EngineDownError: it broke the connection off.
            EngineError: the engine failed.
        """
        ...

    def stop(self) -> None:
        """End all that was started; also where `start` failed, and twice."""
        ...
