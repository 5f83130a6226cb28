"""The errors of this package.

- `RdfError` (a `ValueError`)
    - `ResultError`: a result document cannot be read or written
    - `GraphError`: triples cannot be written in the format asked for
    - `UnknownFormatError`: a name is no known format
"""

__all__ = ["GraphError", "RdfError", "ResultError", "UnknownFormatError"]


class RdfError(ValueError):
    """Base class of the errors of this package."""


class ResultError(RdfError):
    """A result document is malformed, of another type, cut off, or cannot be written."""


class GraphError(RdfError):
    """A table of triples is no RDF graph, or the format asked for cannot hold it."""


class UnknownFormatError(RdfError):
    """No format has this name."""
