"""A client application on a SuperNode, with the site's checks around it.

A SuperNode knows nothing of manifests, policies and ledgers. So the application that it loads is
wrapped: the wrapper checks the run's signed manifest against the site's policy, writes what leaves
into the ledger, and lets no text of an exception out, which Flower would send to the server.

What it needs stands in the SuperNode's ``--node-config``: ``site``, ``authority`` (a PEM file),
``policy`` (a TOML file, optional) and ``ledger`` (optional).
"""

import logging
import tomllib
from pathlib import Path

from flwr.clientapp import ClientApp

from hereditary_kg.embeddings.grids.certificates import read_certificate
from hereditary_kg.embeddings.grids.errors import GridError, ReportedError, SettingsError
from hereditary_kg.embeddings.grids.flower_api import APP_FAILED, Context, Error, Message
from hereditary_kg.embeddings.grids.ledger import OutgoingLedger
from hereditary_kg.embeddings.grids.manifest import SignedManifest
from hereditary_kg.embeddings.grids.message_coding import encode_message
from hereditary_kg.embeddings.grids.messages import failure_reason
from hereditary_kg.embeddings.grids.node import SITE_SETTING
from hereditary_kg.embeddings.grids.policy import LearningPolicy

__all__ = ["GuardedClientApp"]

_log = logging.getLogger(__name__)


class GuardedClientApp(ClientApp):
    """A client application with the checks of a site around it.

    Args:
        app: the application.
    """

    def __init__(self, app: ClientApp) -> None:
        super().__init__()
        self._app = app

    def __call__(self, message: Message, context: Context) -> Message:
        """Check the run, give the message to the application, and write what leaves."""
        site = str(context.node_config.get(SITE_SETTING, ""))
        try:
            _check_run(context, site)
            reply = self._app(message, context)
        except GridError as refusal:
            reason = failure_reason(ReportedError(str(refusal)), site, _log)
            reply = Message(Error(APP_FAILED, reason), reply_to=message)
        except Exception as failure:
            reason = failure_reason(failure, site, _log)
            reply = Message(Error(APP_FAILED, reason), reply_to=message)
        ledger = context.node_config.get("ledger")
        if ledger is not None:
            OutgoingLedger(Path(str(ledger)), site).record(reply, len(encode_message(reply)))
        return reply


def _check_run(context: Context, site: str) -> None:
    settings = context.node_config
    if not site or "authority" not in settings:
        raise SettingsError(
            "The SuperNode's --node-config does not name the site and the authority. Start it by "
            "the command that hereditary-kg gives."
        )
    run = context.run_config
    signed = SignedManifest.from_texts(
        run.get("manifest"), run.get("manifest-signature"), run.get("manifest-certificate")
    )
    manifest = signed.open(read_certificate(Path(str(settings["authority"]))))
    policy = LearningPolicy()
    if "policy" in settings:
        path = Path(str(settings["policy"]))
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SettingsError(f"{path}: the policy cannot be read: {error}") from error
        policy = LearningPolicy.from_table(table, str(path))
    policy.check(signed, manifest, site)
