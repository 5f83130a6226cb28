"""What the grids of this project have in common: the run, and how messages of it are made."""

from hereditary_kg.embeddings.grids.flower_api import (
    Grid,
    Message,
    RecordDict,
    Run,
    describe_run,
    new_message,
)

__all__ = ["RunGrid"]


class RunGrid(Grid):
    """A grid of one run.

    Args:
        run_id: the run's number.
    """

    def __init__(self, run_id: int) -> None:
        self._run = describe_run(run_id)

    def set_run(self, run: Run) -> None:
        """Take over the description of a run."""
        self._run = run

    @property
    def run(self) -> Run:
        """The run's description."""
        return self._run

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """Make a message, as ``Message(...)`` does."""
        return new_message(content, dst_node_id, message_type, group_id, ttl)
