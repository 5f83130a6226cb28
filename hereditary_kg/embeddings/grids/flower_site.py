"""A client application on a SuperNode, with the site's checks around it.

A SuperNode knows nothing of manifests, policies and ledgers. So the application that it loads is
wrapped: the wrapper checks the run's signed manifest against the site's policy, refuses settings
that the manifest does not have, writes what leaves into the ledger, and lets no text of an
exception out, which Flower would send to the server.

What it needs stands in the SuperNode's ``--node-config``: ``site``, ``authority`` (a PEM file),
``policy`` (a TOML file, optional) and ``ledger`` (optional).
"""

import logging
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.x509 import Certificate
from flwr.clientapp import ClientApp

from hereditary_kg.embeddings.grids.certificates import read_certificate
from hereditary_kg.embeddings.grids.errors import (
    GridError,
    ManifestError,
    ReportedError,
    SettingsError,
)
from hereditary_kg.embeddings.grids.flower_api import APP_FAILED, Context, Error, Message
from hereditary_kg.embeddings.grids.ledger import OutgoingLedger
from hereditary_kg.embeddings.grids.manifest import (
    MANIFEST_SETTINGS,
    SERVER_PREFIX,
    RunManifest,
    SignedManifest,
)
from hereditary_kg.embeddings.grids.message_coding import encode_message
from hereditary_kg.embeddings.grids.messages import failure_reason
from hereditary_kg.embeddings.grids.node import SITE_SETTING
from hereditary_kg.embeddings.grids.policy import LearningPolicy

__all__ = ["GuardedClientApp", "SiteGuard", "refuse_message"]

_log = logging.getLogger(__name__)


Answer = Callable[[Message, Context, SignedManifest, RunManifest], Message]


@dataclass(frozen=True)
class SiteGuard:
    """The checks of a site around what it answers.

    Attributes:
        site: the site's name.
        authority: who has to have signed the certificates of servers.
        policy: what the site demands of a run.
        ledger: the file of what leaves the site; None: it is written nowhere.
    """

    site: str
    authority: Certificate
    policy: LearningPolicy
    ledger: Path | None

    @classmethod
    def of_node(cls, settings: Mapping[str, Any]) -> "SiteGuard":
        """Read what a SuperNode's ``--node-config`` says.

        Raises:
            CertificateError: the authority's certificate cannot be used.
            SettingsError: the site or the authority is missing, or the policy cannot be read.
        """
        site = str(settings.get(SITE_SETTING, ""))
        if not site or "authority" not in settings:
            raise SettingsError(
                "The SuperNode's --node-config does not name the site and the authority. Start it "
                "by the command that hereditary-kg gives."
            )
        ledger = settings.get("ledger")
        return cls(
            site,
            read_certificate(Path(str(settings["authority"]))),
            _read_policy(settings.get("policy")),
            None if ledger is None else Path(str(ledger)),
        )

    def handle(self, message: Message, context: Context, answer: Answer) -> Message:
        """Check the run, have the message answered, and write what leaves.

        Args:
            message: what is asked.
            context: what Flower knows of run and site.
            answer: called for a run that is admitted, with its manifest.

        Raises:
            SettingsError: the ledger cannot be written.
        """
        try:
            signed, manifest = self._admit(context.run_config)
            reply = answer(message, context, signed, manifest)
        except Exception as failure:
            reply = refuse_message(message, failure, self.site)
        if self.ledger is not None:
            OutgoingLedger(self.ledger, self.site).record(reply, len(encode_message(reply)))
        return reply

    def _admit(self, run: Mapping[str, Any]) -> tuple[SignedManifest, RunManifest]:
        signed = SignedManifest.from_texts(*(run.get(key) for key in MANIFEST_SETTINGS))
        manifest = signed.open(self.authority)
        self.policy.check(signed, manifest, self.site)
        _check_settings(run, manifest)
        return signed, manifest


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
        try:
            guard = SiteGuard.of_node(context.node_config)
        except GridError as failure:
            return refuse_message(message, failure, str(context.node_config.get(SITE_SETTING, "")))
        return guard.handle(message, context, lambda asked, about, *_: self._app(asked, about))


def refuse_message(message: Message, failure: Exception, site: str) -> Message:
    """Make the reply that tells the server of a failure: its class, or what it may read of it."""
    told = ReportedError(str(failure)) if isinstance(failure, GridError) else failure
    return Message(Error(APP_FAILED, failure_reason(told, site, _log)), reply_to=message)


def _read_policy(path: object) -> LearningPolicy:
    if path is None:
        return LearningPolicy()
    try:
        table = tomllib.loads(Path(str(path)).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: the policy cannot be read: {error}") from error
    return LearningPolicy.from_table(table, str(path))


def _check_settings(run: Mapping[str, Any], manifest: RunManifest) -> None:
    """See that a run has the settings of its manifest, which the policy was asked about.

    Raises:
        ManifestError: whoever started the run has changed some.
    """
    signed = manifest.settings()
    given = {
        key: value
        for key, value in run.items()
        if key not in MANIFEST_SETTINGS and not key.startswith(SERVER_PREFIX)
    }
    missing = object()
    if changed := sorted(
        key
        for key in signed.keys() | given.keys()
        if signed.get(key, missing) != given.get(key, missing)
    ):
        raise ManifestError(
            f"The run has other settings than its signed manifest: {', '.join(changed)}. Start it "
            "as it was signed, or sign another."
        )
