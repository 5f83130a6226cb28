"""Adapters of federation engines: each starts an engine over the members and asks it."""

from importlib import import_module
from typing import cast

from benchmarks.federation.engines.base import Engine

__all__ = ["ENGINES", "make_engine"]

ENGINES = {
    "hereditary": "benchmarks.federation.engines.hereditary:HereditaryEngine",
    "hereditary-embedded": "benchmarks.federation.engines.hereditary:EmbeddedEngine",
    "comunica": "benchmarks.federation.engines.comunica:ComunicaEngine",
    "detrusty": "benchmarks.federation.engines.detrusty:DetrustyEngine",
    "merged": "benchmarks.federation.engines.merged:MergedStoreEngine",
}
"""The engines by name; their modules are imported when they are asked for."""


def make_engine(name: str) -> Engine:
    """Make the adapter of an engine.

    Args:
        name: one of `ENGINES`, or ``NAME=COMMAND`` for a program that serves SPARQL: in the
            command, ``{port}`` is the port it shall listen on, ``{members}`` a file with the
            members' URLs, one a line, ``{description}`` our federation description; a path
            follows the command after ``@`` where the endpoint is not ``/sparql``.

    Raises:
        ValueError: there is no such engine.
    """
    if "=" in name:
        from benchmarks.federation.engines.endpoint import CommandEngine

        return CommandEngine.parse(name)
    if name not in ENGINES:
        raise ValueError(f"no engine {name!r}; there are {', '.join(sorted(ENGINES))}")
    module, _, factory = ENGINES[name].partition(":")
    return cast("Engine", getattr(import_module(module), factory)())
