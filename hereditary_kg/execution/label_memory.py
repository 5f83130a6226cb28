"""Which members a query must ask once only, as it turned out when it ran."""

from hereditary_kg.federation.errors import BlankNodeLabelError
from hereditary_kg.federation.request_log import RequestLog

__all__ = ["LabelMemory"]

_MOST_QUERIES = 1000


class LabelMemory:
    """Remembers, for each query text, the members whose blank nodes came in several answers."""

    def __init__(self) -> None:
        self._found: dict[str, frozenset[str]] = {}

    def members(self, text: str) -> frozenset[str]:
        """Give the members that the query must ask once only."""
        return self._found.get(text, frozenset())

    def learn(self, text: str, error: BlankNodeLabelError, log: RequestLog) -> None:
        """Take a failure as a lesson, and with it what the log shows of other members."""
        known = self.members(text)
        if len(self._found) >= _MOST_QUERIES:
            self._found.clear()
        # Others whose answers had blank nodes would be the next to fail.
        self._found[text] = known | {error.member} | log.members_with_blank_nodes()
