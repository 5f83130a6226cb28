"""One site of a run: its client application, its state, and the ledger of what it sends."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from flwr.clientapp import ClientApp

from hereditary_kg.embeddings.grids.errors import CodingError, ReportedError
from hereditary_kg.embeddings.grids.flower_api import Context, Message, RecordDict
from hereditary_kg.embeddings.grids.ledger import OutgoingLedger
from hereditary_kg.embeddings.grids.message_coding import encode_message, too_large
from hereditary_kg.embeddings.grids.messages import (
    clone_message,
    failure_reply,
    node_of_site,
    reply_of,
)
from hereditary_kg.embeddings.grids.run_settings import SettingValue

__all__ = ["SITE_SETTING", "Node", "SiteApp"]

SITE_SETTING = "site"
"""The key of ``context.node_config`` under which a client application finds its site's name."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SiteApp:
    """What a site brings to its runs.

    Attributes:
        site: the site's name.
        app: the client application that is installed there.
        settings: what the application finds in ``context.node_config``, beside the site's name.
        ledger: where what leaves the site is written; None for none.
    """

    site: str
    app: ClientApp
    settings: Mapping[str, SettingValue] = field(default_factory=dict)
    ledger: OutgoingLedger | None = None


class Node:
    """A site in one run.

    Args:
        site: what the site brings.
        run_id: the run's number.
        run_settings: what the application finds in ``context.run_config``.
        state: what the application kept before, if the run goes on; it finds it in
            ``context.state``.
    """

    def __init__(
        self,
        site: SiteApp,
        run_id: int,
        run_settings: Mapping[str, SettingValue],
        state: RecordDict | None = None,
    ) -> None:
        self.site = site
        self.node_id = node_of_site(site.site)
        self.context = Context(
            run_id=run_id,
            node_id=self.node_id,
            node_config={**site.settings, SITE_SETTING: site.site},
            state=state if state is not None else RecordDict(),
            run_config=dict(run_settings),
        )

    def handle(self, message: Message) -> Message:
        """Give a message to the client application; its failure becomes an error reply.

        Neither side sees what the other does to its records later.
        """
        given = clone_message(message)
        try:
            return reply_of(message, self.site.app(given, self.context))
        except Exception as failure:
            return failure_reply(message, failure, self.site.site, _log)

    def answer(self, message: Message, largest: int | None = None) -> tuple[Message, bytes]:
        """Give a message to the client application, and write its reply as it leaves the site.

        Args:
            message: what is asked.
            largest: how many bytes the reply may have.

        Returns:
            the reply and its bytes; an error reply if it holds what does not travel.

        Raises:
            SettingsError: the ledger cannot be written; the reply must not leave then.
        """
        reply = self.handle(message)
        try:
            data = encode_message(reply)
            failure = too_large(data, largest)
        except CodingError as error:
            failure = str(error)
        if failure:
            reply = failure_reply(message, ReportedError(failure), self.site.site, _log)
            data = encode_message(reply)
        if self.site.ledger is not None:
            self.site.ledger.record(reply, len(data))
        return reply, data
