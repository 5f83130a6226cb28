"""Federated workflow execution for knowledge graphs.

>>> import hereditary_kg as hkg
>>> federation = hkg.Federation.open("endpoints/demo.toml")  # doctest: +SKIP
>>> federation.query("SELECT * { ?s ?p ?o } LIMIT 3").to_polars()  # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hereditary_kg.execution.certificates import Certificate
    from hereditary_kg.execution.engine import AsyncFederation
    from hereditary_kg.execution.federation import Federation
    from hereditary_kg.execution.results import Result
    from hereditary_kg.sites.site import Site

__all__ = ["AsyncFederation", "Certificate", "Federation", "Result", "Site", "__version__"]

__version__ = "0.1.0"

_PLACES = {
    "AsyncFederation": "hereditary_kg.execution.engine",
    "Certificate": "hereditary_kg.execution.certificates",
    "Federation": "hereditary_kg.execution.federation",
    "Result": "hereditary_kg.execution.results",
    "Site": "hereditary_kg.sites.site",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: start-up is part of the product."""
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
