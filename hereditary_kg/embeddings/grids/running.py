"""Runs a server application over a grid."""

from collections.abc import Mapping

from flwr.serverapp import ServerApp

from hereditary_kg.embeddings.grids.flower_api import (
    SERVER_NODE,
    Context,
    Grid,
    RecordDict,
    enter_run,
)
from hereditary_kg.embeddings.grids.run_settings import SettingValue

__all__ = ["run_server_app"]


def run_server_app(
    app: ServerApp,
    grid: Grid,
    run_settings: Mapping[str, SettingValue] | None = None,
    state: RecordDict | None = None,
) -> RecordDict:
    """Run a server application to its end, in this thread.

    Args:
        app: the application.
        grid: how it reaches the sites.
        run_settings: what it finds in ``context.run_config``.
        state: what it finds in ``context.state``.

    Returns:
        what it left in ``context.state``.
    """
    run_id = grid.run.run_id
    enter_run(run_id)
    context = Context(
        run_id=run_id,
        node_id=SERVER_NODE,
        node_config={},
        state=state if state is not None else RecordDict(),
        run_config=dict(run_settings or {}),
    )
    app(grid, context)
    return context.state
