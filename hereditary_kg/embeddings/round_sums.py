"""Adding up a round: in plain numbers, or so that the server sees sums alone."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from flwr.app import RecordDict
from numpy.typing import NDArray

from hereditary_kg.embeddings.errors import AbsentSitesError, RefusedMessageError
from hereditary_kg.embeddings.round_layouts import exchangeable, lay_out_round, plan_run
from hereditary_kg.embeddings.run_records import read_bytes, read_contribution, write_bytes
from hereditary_kg.embeddings.secure_aggregation import RUN_BYTES, AllowList, ServerProtocol
from hereditary_kg.embeddings.site_calls import SiteCalls
from hereditary_kg.embeddings.strategies import Kind
from hereditary_kg.embeddings.training_plan import TrainingPlan

__all__ = ["OpenedRound", "PlainSums", "RoundSums", "SecureSums"]

Rows = Mapping[Kind, NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class OpenedRound:
    """The sums of a round.

    Attributes:
        rows: the rows of each kind that were exchanged.
        sums: by name, shape ``[n, columns]``.
        owners: for each kind, how many sites contributed to each row.
    """

    rows: Rows
    sums: dict[str, NDArray[np.floating[Any]]]
    owners: dict[str, NDArray[np.int64]]


class RoundSums(Protocol):
    """How a round is added up."""

    def begin(self, number: int, rows: Rows) -> None:
        """Expect contributions to a round."""

    def finish(self, replies: Mapping[int, RecordDict]) -> OpenedRound:
        """Add up what came, by node."""


class PlainSums:
    """Adds up contributions that the server can read; for trials, where nothing is a secret."""

    def __init__(self) -> None:
        self._rows: Rows = {}

    def begin(self, number: int, rows: Rows) -> None:  # noqa: ARG002
        """Expect contributions to a round."""
        self._rows = rows

    def finish(self, replies: Mapping[int, RecordDict]) -> OpenedRound:
        """Add up what came, by node."""
        contributions = [read_contribution(reply) for reply in replies.values()]
        first = contributions[0]
        sums: dict[str, NDArray[np.floating[Any]]] = {
            name: np.array([each.tensors[name] for each in contributions]).sum(
                axis=0, dtype=np.float64
            )
            for name in first.tensors
        }
        owners: dict[str, NDArray[np.int64]] = {
            kind: np.sum(
                np.array([each.owned[kind] for each in contributions]), axis=0, dtype=np.int64
            )
            for kind in first.owned
        }
        return OpenedRound(self._rows, sums, owners)


class SecureSums:
    """Adds up masked contributions, of which the server can read the sum alone.

    Args:
        plan: the training.
        calls: how sites are asked.
        nodes: the sites of the run, by name.
        protocol: the server's part of the protocol, with all declarations.
    """

    def __init__(
        self,
        plan: TrainingPlan,
        calls: SiteCalls,
        nodes: Mapping[str, int],
        protocol: ServerProtocol,
    ) -> None:
        self._plan = plan
        self._calls = calls
        self._nodes = nodes
        self._protocol = protocol
        self._rows: Rows = {}

    @classmethod
    def prepare(
        cls,
        plan: TrainingPlan,
        calls: SiteCalls,
        nodes: Mapping[str, int],
        sizes: Mapping[Kind, int],
        allow_list: AllowList,
    ) -> "SecureSums":
        """Let the sites agree on keys, and find out how many of them have each row.

        Args:
            plan: the training.
            calls: how sites are asked.
            nodes: the sites of the run, by name.
            sizes: how many shared rows of each kind there are.
            allow_list: the sites' certificates.

        Raises:
            AbsentSitesError: sites do not answer, or refuse.
            SecureAggregationError: a message is not what it should be.
        """
        settings = plan_run(plan, secrets.token_bytes(RUN_BYTES), tuple(nodes), sizes)
        protocol = ServerProtocol(settings, allow_list)
        sums = cls(plan, calls, nodes, protocol)
        for reply in sums._ask_all("query.introduce", settings=settings.encode()):
            protocol.add_introduction(read_bytes(reply, "introduction"))
        for reply in sums._ask_all("query.declare", roster=protocol.roster()):
            protocol.add_declaration(read_bytes(reply, "declaration"))
        sums._ask_all("query.accept", declarations=protocol.declarations())
        return sums

    def begin(self, number: int, rows: Rows) -> None:
        """Expect contributions to a round."""
        self._rows = exchangeable(rows, self._protocol)
        self._protocol.begin_round(
            number, lay_out_round(self._plan, self._rows, len(self._protocol.settings.sites))
        )

    def finish(self, replies: Mapping[int, RecordDict]) -> OpenedRound:
        """Add up what came, by node, and open the sum.

        Raises:
            TooFewSitesError: fewer sites than the threshold are there.
            SecureAggregationError: a site does not keep to the protocol.
        """
        for node, reply in replies.items():
            self._take(node, reply, "update", self._protocol.add_update)
        requests = self._protocol.close_round()
        if requests:
            contents = {
                self._nodes[site]: write_bytes(request=request)
                for site, request in requests.items()
            }
            for node, answer in self._calls.ask("query.unmask", contents).items():
                self._take(node, answer, "answer", self._protocol.add_answer)
        opened = self._protocol.finish_round()
        return OpenedRound(self._rows, dict(opened.sums), dict(opened.owners))

    def _take(self, node: int, reply: RecordDict, key: str, add: Callable[[bytes], object]) -> None:
        """Take a site's message, or note why it is refused: the others can do without."""
        try:
            add(read_bytes(reply, key))
        except RefusedMessageError as error:
            self._calls.failures[self._calls.name(node)] = str(error)

    def _ask_all(self, message_type: str, **content: bytes) -> list[RecordDict]:
        contents = {node: write_bytes(**content) for node in self._nodes.values()}
        replies = self._calls.ask(message_type, contents)
        if absent := contents.keys() - replies.keys():
            failures = self._calls.failures
            names = sorted(self._calls.name(node) for node in absent)
            reasons = "; ".join(f"{name}: {failures[name]}" for name in names)
            raise AbsentSitesError(
                f"The sites cannot agree on keys for secure aggregation. {reasons}",
                absent,
                refused=bool(self._calls.refusals),
            )
        return list(replies.values())
