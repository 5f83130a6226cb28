"""What sites of a run in one process are sent and what leaves them, as bytes on the wire.

What leaves is read from each site's own ledger; what comes is counted where the site takes it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from flwr.clientapp import ClientApp

from hereditary_kg.embeddings.grids.flower_api import Context, Message
from hereditary_kg.embeddings.grids.ledger import OutgoingLedger
from hereditary_kg.embeddings.grids.message_coding import encode_message
from hereditary_kg.embeddings.grids.node import SiteApp

__all__ = ["Passed", "Traffic"]


@dataclass(frozen=True)
class Passed:
    """A message of a site.

    Attributes:
        site: the site's name.
        kind: the message's type, such as ``train``.
        round: the round, where the message is of one.
        sent: whether the site has sent it; else it came.
        size: its bytes.
    """

    site: str
    kind: str
    round: str
    sent: bool
    size: int


class Traffic:
    """Counts the bytes of all messages of a run.

    Args:
        directory: where the sites' ledgers are written.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._came: list[Passed] = []
        self._sites: list[str] = []

    def around(self, site: SiteApp) -> SiteApp:
        """Give a site a ledger, and count what comes to it."""
        self._sites.append(site.site)
        ledger = OutgoingLedger(self._directory / f"{site.site}.jsonl", site.site)
        return replace(site, app=_Counting(site, self._came), ledger=ledger)

    def messages(self) -> Iterator[Passed]:
        """Give all messages: what came, then what the ledgers say of what was sent."""
        yield from self._came
        for site in self._sites:
            for line in (self._directory / f"{site}.jsonl").read_text().splitlines():
                told = json.loads(line)
                yield Passed(site, told["type"], told["group"], sent=True, size=told["bytes"])


class _Counting(ClientApp):
    def __init__(self, site: SiteApp, came: list[Passed]) -> None:
        super().__init__()
        self._site = site
        self._came = came

    def __call__(self, message: Message, context: Context) -> Message:
        about = message.metadata
        size = len(encode_message(message))
        self._came.append(
            Passed(self._site.site, about.message_type, about.group_id, sent=False, size=size)
        )
        return self._site.app(message, context)
