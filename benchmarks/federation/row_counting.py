"""Counting the rows of SPARQL results that pass by, without reading them."""

import re

import orjson

__all__ = ["RowCounter"]

_FIRST_BINDING = re.compile(rb'"bindings"\s*:\s*\[\s*\{')
_RESULT = b"<result>"


class RowCounter:
    """Takes an answer in pieces and tells its rows.

    TSV and CSV rows are line ends after the first one, XML rows ``<result>`` tags. JSON is kept
    and counted at the end, by a real parser: only that tells a row from a text that looks like
    one. A boolean is no row.

    Attributes:
        started: whether a first row has come.
    """

    def __init__(self, media_type: str) -> None:
        self._kind = _kind_of(media_type)
        self._count = 0
        self._kept = bytearray()
        self.started = False

    def take(self, part: bytes) -> None:
        """Take the next piece."""
        if self._kind == "lines":
            self._count += part.count(b"\n")
            self.started = self.started or self._count > 1
        elif self._kind == "xml":
            # A tag may lie across the border of two pieces.
            window = bytes(self._kept) + part
            self._count += window.count(_RESULT)
            self._kept = bytearray(window[-(len(_RESULT) - 1) :])
            self.started = self.started or self._count > 0
        elif self._kind == "json":
            self._kept += part
            self.started = self.started or _FIRST_BINDING.search(self._kept) is not None

    def rows(self) -> int:
        """Give the rows; what was broken off in JSON counts as none."""
        if self._kind == "lines":
            return max(0, self._count - 1)
        if self._kind == "json":
            try:
                return len(orjson.loads(self._kept)["results"]["bindings"])
            except (orjson.JSONDecodeError, KeyError, TypeError):
                return 0
        return self._count


def _kind_of(media_type: str) -> str:
    for mark, kind in (("tab-separated", "lines"), ("csv", "lines"), ("json", "json")):
        if mark in media_type:
            return kind
    return "xml" if "xml" in media_type else ""
