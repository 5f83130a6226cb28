"""Three ways to reach the sites of a training, behind Flower's public ``Grid``.

One server application and one client application, which import ``flwr.app``, ``flwr.serverapp``
and ``flwr.clientapp`` alone, run on each: in this process, over gRPC, and on Flower's SuperLink
and SuperNodes. Nothing here imports Flower before it is used.
"""

from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hereditary_kg.embeddings.grids.errors import SettingsError

if TYPE_CHECKING:
    from hereditary_kg.embeddings.grids.flower_deployment import FlowerDeployment
    from hereditary_kg.embeddings.grids.grpc_grid import GrpcGrid
    from hereditary_kg.embeddings.grids.in_process import InProcessGrid

__all__ = ["GRIDS", "resolve_grid"]

GRIDS: dict[str, str] = {
    "in-process": "all sites in this process",
    "grpc": "sites reached by gRPC with mutual TLS, from persistent workers",
    "flower": "Flower's SuperLink and SuperNodes",
}
"""The names of the grids, and what each is."""

_CLASSES = {
    "in-process": ("in_process", "InProcessGrid"),
    "grpc": ("grpc_grid", "GrpcGrid"),
    "flower": ("flower_deployment", "FlowerDeployment"),
}


def resolve_grid(name: str) -> "type[InProcessGrid | GrpcGrid | FlowerDeployment]":
    """Give the class of a grid by its name; only this imports what the grid needs.

    Args:
        name: one of `GRIDS`.

    Raises:
        SettingsError: there is no such grid, or the extra ``learn`` is not installed.
    """
    if name not in _CLASSES:
        near = get_close_matches(name, GRIDS, n=1, cutoff=0.4)
        meant = f" Is {near[0]} meant?" if near else ""
        raise SettingsError(f"There is no grid {name!r}. There are {', '.join(GRIDS)}.{meant}")
    module, attribute = _CLASSES[name]
    try:
        found: Any = getattr(import_module(f"{__name__}.{module}"), attribute)
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"The grid {name!r} needs {error.name}. Install the extra: "
            "pip install 'hereditary-kg[learn]'."
        ) from error
    return found  # type: ignore[no-any-return]
