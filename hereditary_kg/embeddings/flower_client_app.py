"""A site's application on a SuperNode of Flower, which starts a process for each message.

The bundle of a run names it as ``hereditary_kg.embeddings.flower_client_app:client``; it comes from
the site's own installation. All that it needs is the site's settings file (`site_learning`), which
the SuperNode's ``--node-config`` names::

    --node-config 'learning="/etc/hereditary-kg/learning.toml"'

Between two messages the site's state lies in its own directory of runs: see `client_states`.
"""

import logging
from pathlib import Path

from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from hereditary_kg.embeddings.client_states import (
    ClientStateFile,
    forget_other_runs,
    hold_runs,
)
from hereditary_kg.embeddings.errors import EmbeddingError
from hereditary_kg.embeddings.grids.errors import ReportedError, SettingsError
from hereditary_kg.embeddings.grids.flower_site import SiteGuard, refuse_message
from hereditary_kg.embeddings.grids.manifest import RunManifest, SignedManifest
from hereditary_kg.embeddings.grids.run_directories import (
    finish_run_directory,
    open_run_directory,
)
from hereditary_kg.embeddings.site_learning import (
    LearningFile,
    make_training_client,
    read_learning_file,
)
from hereditary_kg.embeddings.training_client import make_client_app
from hereditary_kg.embeddings.training_plan import TrainingPlan

__all__ = ["LEARNING_SETTING", "FlowerTrainingSite", "client"]

LEARNING_SETTING = "learning"
"""The key of ``context.node_config`` under which the site's settings file is named."""

_FIRST, _LAST = "query.offer", "query.finish"

_log = logging.getLogger(__name__)


class FlowerTrainingSite(ClientApp):
    """Answers each message from what is on the site's disk, and leaves there what comes of it."""

    def __call__(self, message: Message, context: Context) -> Message:
        """Check the run as the site's settings have it, and answer."""
        try:
            settings = _read_settings(context)
        except EmbeddingError as failure:
            # It tells of this machine's files: of use to who runs the SuperNode, and nobody else.
            _log.error("%s", failure)
            told = SettingsError("This site's settings cannot be read; its log says why.")
            return refuse_message(message, told, "")
        transport = settings.transport
        guard = SiteGuard(
            transport.site, transport.identity.authority, transport.policy, transport.ledger
        )

        def answer(
            asked: Message, about: Context, signed: SignedManifest, manifest: RunManifest
        ) -> Message:
            with hold_runs(transport.directory):
                return _answer(settings, asked, about, (signed, manifest))

        return guard.handle(message, context, answer)


client = FlowerTrainingSite()
"""The application that the bundles of runs name."""


def _read_settings(context: Context) -> LearningFile:
    path = context.node_config.get(LEARNING_SETTING)
    if path is None:
        raise SettingsError(
            f"The SuperNode's --node-config does not say {LEARNING_SETTING}, the path of the "
            "site's settings file."
        )
    return read_learning_file(Path(str(path)))


def _answer(
    settings: LearningFile,
    message: Message,
    context: Context,
    run: tuple[SignedManifest, RunManifest],
) -> Message:
    runs, step = settings.transport.directory, message.metadata.message_type
    directory = open_run_directory(runs, *run)
    kept = ClientStateFile(directory)
    client = make_training_client(settings)
    if step != _FIRST:
        try:
            client.resume(TrainingPlan.of_settings(context.run_config), kept.load())
        except EmbeddingError as error:
            # As in `make_client_app`: these texts say nothing of a site's data.
            raise ReportedError(str(error)) from error
    reply = make_client_app(client)(message, context)
    if step == _LAST:
        finish_run_directory(directory)
        return reply
    if step == _FIRST:
        forget_other_runs(runs, directory)
    kept.save(client.state())
    return reply
