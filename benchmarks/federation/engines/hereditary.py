"""hereditary_kg's own engine: as a service like the others, and in this process for profiles."""

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.federation.engines.base import (
    EngineAnswer,
    EngineError,
    EngineTimeoutError,
    ServedFederation,
)
from benchmarks.federation.engines.endpoint import EndpointEngine
from hereditary_kg.execution.engine import AsyncFederation
from hereditary_kg.execution.errors import ExecutionError, QueryTimeoutError
from hereditary_kg.federation.errors import FederationError
from hereditary_kg.rdf.media_types import ResultFormat
from hereditary_kg.rdf.result_writing import SolutionWriter

__all__ = ["EmbeddedEngine", "HereditaryEngine"]

_LONGER_THAN_ANY_LIMIT = 3600


class HereditaryEngine(EndpointEngine):
    """``hkg serve`` of the members' federation."""

    name = "hereditary"

    def command(self, federation: ServedFederation, port: int) -> Sequence[str]:
        """Give the command; the runner's limit of time counts, so the service's own is longer."""
        program = Path(sys.executable).with_name("hkg")
        if not program.is_file():
            raise EngineError(f"there is no {program.name} here; pip install -e . first")
        options = ["--port", str(port), "--timeout", str(_LONGER_THAN_ANY_LIMIT), "--quiet"]
        return [str(program), "serve", "-f", str(federation.description), *options]


class EmbeddedEngine:
    """The engine in this process, without a service around it.

    It tells its planning, and a profiler sees it; its times are not those of a service. Planning
    is done again after the answer, so that parsing, profiles and probes are at hand.
    """

    name = "hereditary-embedded"

    def __init__(self) -> None:
        self._federation: AsyncFederation | None = None
        self._runner = asyncio.Runner()

    def start(self, federation: ServedFederation) -> None:
        """Open the federation."""
        self._runner = asyncio.Runner()
        self._federation = AsyncFederation.open(federation.description)

    def answer(self, query: str, timeout: float) -> EngineAnswer:
        """Answer in this process; writing the answer down is no part of the time."""
        if self._federation is None:
            raise EngineError("the engine was not started")
        started = time.perf_counter()
        try:
            result = self._runner.run(self._federation.query(query, timeout=timeout))
            answered = time.perf_counter()
            self._runner.run(self._federation.prepare(query))
            planned = time.perf_counter()
        except QueryTimeoutError as error:
            raise EngineTimeoutError(str(error)) from error
        except (ExecutionError, FederationError) as error:
            raise EngineError(str(error)) from error
        writer = SolutionWriter(result.variables, ResultFormat.TSV)
        document = writer.header() + writer.rows(result.frame) + writer.footer()
        return EngineAnswer(
            document,
            ResultFormat.TSV.media_type,
            answered - started,
            planning=planned - answered,
        )

    def stop(self) -> None:
        """Close the federation."""
        if self._federation is not None:
            self._runner.run(self._federation.close())
            self._federation = None
        self._runner.close()
