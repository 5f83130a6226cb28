"""How a run's server asks its sites, and what becomes of those that don't answer."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from flwr.app import Message, RecordDict
from flwr.serverapp import Grid

from hereditary_kg.embeddings.errors import TrainingError
from hereditary_kg.embeddings.grids.flower_api import APP_FAILED, NodeInfo

__all__ = ["SiteCalls", "listed_nodes"]


@dataclass
class SiteCalls:
    """Asks sites by messages, all at once.

    Args:
        grid: how they are reached.
        timeout: seconds that a site may take for a message.
        names: the name of each node that has told it.
        failures: why each site did not answer the last time, by name.
        refusals: which of those that were asked last said why themselves.
        answered: called for each answer with the site's name and the message type.
        sites: the names of the sites that are asked; None: all that the grid reaches.
    """

    grid: Grid
    timeout: float
    names: dict[int, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    refusals: set[str] = field(default_factory=set)
    answered: Callable[[str, str], None] | None = None
    sites: Collection[str] | None = None
    _invited: dict[int, str] = field(default_factory=dict)

    def nodes(self) -> dict[int, str]:
        """Give the nodes that are asked, and the name under which the grid knows each."""
        return {node.node_id: node.name for node in listed_nodes(self.grid, self.sites)}

    def ask(
        self, message_type: str, contents: Mapping[int, RecordDict], group: str = ""
    ) -> dict[int, RecordDict]:
        """Ask some nodes, and give the answers of those that answered, by node.

        Args:
            message_type: what is asked.
            contents: what each node is told.
            group: the round.
        """
        if not contents:
            return {}
        messages = [
            Message(content, node, message_type, group_id=group)
            for node, content in contents.items()
        ]
        found: dict[int, RecordDict] = {}
        refusals: set[str] = set()
        silent = {
            self.name(node): f"no answer within {self.timeout:g} seconds" for node in contents
        }
        for reply in self.grid.send_and_receive(messages, timeout=self.timeout):
            node = reply.metadata.src_node_id
            name = self.name(node)
            if reply.has_error():
                reason = reply.error.reason or "it failed, and did not say why"
                silent[name] = reason.removeprefix(f"site {name}: ")
                if reply.error.code == APP_FAILED:
                    refusals.add(name)
                continue
            found[node] = reply.content
            silent.pop(name, None)
            if self.answered is not None:
                self.answered(name, message_type)
        for node in contents:
            self.failures.pop(self.name(node), None)
        self.failures.update(silent)
        self.refusals = refusals
        return {node: found[node] for node in contents if node in found}

    def invite(self, message_type: str, nodes: Iterable[int]) -> dict[int, RecordDict]:
        """Ask nodes that may be away, and wait for none of them.

        Args:
            message_type: what is asked.
            nodes: who is asked, if the last invitation is not still on its way.

        Returns:
            what has come by now of earlier invitations of these nodes, by node.
        """
        wanted = list(nodes)
        found: dict[int, RecordDict] = {}
        for reply in self.grid.pull_messages(list(self._invited.values())):
            node = reply.metadata.src_node_id
            self._invited.pop(node, None)
            if node in wanted and not reply.has_error():
                found[node] = reply.content
        asked = [node for node in wanted if node not in found and node not in self._invited]
        messages = [Message(RecordDict(), node, message_type, ttl=self.timeout) for node in asked]
        self._invited |= zip(asked, self.grid.push_messages(messages), strict=True)
        return found

    def require(self, sites: int, minimum: int, what: str) -> None:
        """Refuse to go on with too few sites.

        Raises:
            TrainingError: there are fewer than the minimum; with why each of the others failed.
        """
        if sites >= minimum:
            return
        reasons = "".join(f"\n  {name}: {reason}" for name, reason in self.failures.items())
        raise TrainingError(
            f"{what}: {sites} of at least {minimum} sites are there. Mend the others, or ask for "
            f"fewer.{reasons}"
        )

    def name(self, node: int) -> str:
        """Give the name of a node, or its number where it has not told its name."""
        return self.names.get(node, f"node {node}")


def listed_nodes(grid: Grid, sites: Collection[str] | None) -> list[NodeInfo]:
    """Give the nodes of a grid that are a run's business.

    Args:
        grid: how sites are reached.
        sites: the names of the run's sites; None: all.

    Returns:
        those of these names, and those that the grid knows by no name.
    """
    return [
        node for node in grid.get_nodes() if sites is None or not node.name or node.name in sites
    ]
