"""What a site answers to a run's server: one Flower client application.

The steps of a run are message types: ``query.offer`` and ``query.align``; with secure aggregation
``query.introduce``, ``query.declare`` and ``query.accept``; then ``train`` once a round, and
``query.unmask`` where a round is opened; ``query.finish`` at the end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flwr.app import Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

import hereditary_kg
from hereditary_kg.embeddings.client_states import ClientState
from hereditary_kg.embeddings.errors import EmbeddingError, TrainingError
from hereditary_kg.embeddings.grids.errors import ReportedError
from hereditary_kg.embeddings.ranking import RankingMetrics
from hereditary_kg.embeddings.round_layouts import exchangeable, lay_out_round
from hereditary_kg.embeddings.run_records import (
    Order,
    read_answer,
    read_bytes,
    read_order,
    write_bytes,
    write_contribution,
    write_offer,
    write_report,
)
from hereditary_kg.embeddings.secure_aggregation import (
    AllowList,
    RunSettings,
    SigningKey,
    SitePolicy,
    SiteProtocol,
    SiteState,
)
from hereditary_kg.embeddings.site_checkpoints import SiteCheckpoints
from hereditary_kg.embeddings.site_session import LearningSite, SiteSession
from hereditary_kg.embeddings.training_plan import TrainingPlan

if TYPE_CHECKING:
    from hereditary_kg.embeddings.alignment import RowMap
    from hereditary_kg.embeddings.label_kinds import LabelKind

__all__ = ["SiteProtection", "TrainingClient", "make_client_app"]

Finished = Callable[[SiteSession, int, float], None]


@dataclass(frozen=True)
class SiteProtection:
    """What a site needs for secure aggregation.

    Attributes:
        signing_key: the private key of the site's certificate.
        allow_list: the certificates of all sites.
        policy: what the site insists on.
    """

    signing_key: SigningKey
    allow_list: AllowList
    policy: SitePolicy


class TrainingClient:
    """One site, and the run that it takes part in; a new run takes the place of the last one.

    Args:
        site: the site's data.
        protection: what it needs for secure aggregation; None: it takes part in runs without only.
        checkpoints: where it keeps its checkpoints; None: nowhere, so that it cannot go on.
        finished: called at the end of a run, with the round of the best vectors and their mean
            reciprocal rank on the validation triples.
    """

    def __init__(
        self,
        site: LearningSite,
        protection: SiteProtection | None = None,
        checkpoints: Path | None = None,
        finished: Finished | None = None,
    ) -> None:
        self.site = site
        self.session: SiteSession | None = None
        self._protection = protection
        self._directory = checkpoints
        self._checkpoints: SiteCheckpoints | None = None
        self._finished = finished
        self._protocol: SiteProtocol | None = None
        self._answer: RowMap | None = None
        self._round = 0

    def offer(self, _: RecordDict, plan: TrainingPlan) -> RecordDict:
        """Begin a run: offer the site's public terms by keyed identifiers."""
        if plan.sums_are_masked and self._protection is None:
            raise TrainingError(
                "The run is with secure aggregation, for which this site has no certificate and "
                "no list of the others'. Configure both, or ask for a run without."
            )
        return write_offer(self._begin(plan).offer(), hereditary_kg.__version__)

    def align(self, content: RecordDict, _: TrainingPlan) -> RecordDict:
        """Learn which rows are shared; go on from a checkpoint where the run has gone on before.

        The reply says of which round it was: a site that was away has one of an earlier round, by
        which it has its own vectors back, and a site without begins anew, in the run as it is.
        """
        session = self._running()
        self._answer = read_answer(content)
        alignment = session.align(self._answer)
        order = read_order(content)
        restored = self._restore(session, order.number) if order.number else 0
        self._round = restored
        if not order.number and self._checkpoints is not None:
            self._checkpoints.clear()
        kinds: list[LabelKind] = list(alignment.entity_kinds())
        counts = {str(kind): kinds.count(kind) for kind in dict.fromkeys(kinds)}
        return RecordDict(
            {
                "entities": MetricRecord(dict(counts)),
                "restored": MetricRecord({"round": restored}),
            }
        )

    def introduce(self, content: RecordDict, _: TrainingPlan) -> RecordDict:
        """Agree to the settings of secure aggregation, and show this site's keys."""
        self._protocol = self._make_protocol()
        settings = RunSettings.decode(read_bytes(content, "settings"))
        return write_bytes(introduction=self._protocol.introduce(settings))

    def declare(self, content: RecordDict, _: TrainingPlan) -> RecordDict:
        """Accept who takes part, and declare in secret which rows this site has."""
        protocol = self._protected()
        protocol.accept_roster(read_bytes(content, "roster"))
        owned = self._running().learner.owned()
        declared = protocol.declare({str(kind): mask for kind, mask in owned.items()})
        return write_bytes(declaration=declared)

    def accept(self, content: RecordDict, _: TrainingPlan) -> RecordDict:
        """Learn how many sites have each row."""
        self._protected().accept_declarations(read_bytes(content, "declarations"))
        return RecordDict()

    def train(self, content: RecordDict, plan: TrainingPlan) -> RecordDict:
        """Take what was agreed on, train a round, and contribute."""
        session, order = self._running(), read_order(content)
        if order.number > plan.rounds:
            raise TrainingError(
                f"The server asks for round {order.number} of a run that has {plan.rounds} by its "
                "plan. This site has not trained it."
            )
        metrics = self._take(session, order)
        loss = session.train()
        rows = session.learner.rows(order.number)
        reply = RecordDict()
        if not rows or not plan.secure:
            write_contribution(reply, session.contribute(rows))
        else:
            protocol = self._protected()
            rows = exchangeable(rows, protocol)
            layout = lay_out_round(plan, rows, len(protocol.settings.sites))
            update = protocol.mask(order.number, layout, session.contribute(rows).tensors)
            reply = write_bytes(update=update)
        write_report(reply, session.report(loss, metrics))
        if plan.epsilon:
            reply["privacy"] = MetricRecord({"epsilon": session.epsilon, "delta": plan.delta})
        if self._checkpoints is not None:
            self._checkpoints.save(order.number, session.snapshot(), session.notes())
        self._round = order.number
        return reply

    def unmask(self, content: RecordDict, _: TrainingPlan) -> RecordDict:
        """Give the shares that open a round's sum."""
        return write_bytes(answer=self._protected().answer(read_bytes(content, "request")))

    def finish(self, content: RecordDict, _: TrainingPlan) -> RecordDict:
        """Take the last agreement, go back to the best vectors, and end the run."""
        session, order = self._running(), read_order(content)
        metrics = self._take(session, order)
        number, rank = session.finish()
        if self._finished is not None:
            self._finished(session, number, rank)
        reply = RecordDict({"best": MetricRecord({"round": number, "rank": rank})})
        write_report(reply, session.report(float("nan"), metrics))
        return reply

    def state(self) -> ClientState:
        """Give where the site is in the run, for another process to `resume`; it has secrets.

        Raises:
            TrainingError: the site is in no run.
        """
        return ClientState(
            self._running().notes(),
            self._round,
            self._answer,
            b"" if self._protocol is None else self._protocol.state.encode(),
        )

    def resume(self, plan: TrainingPlan, state: ClientState) -> None:
        """Go on where another process has been, by its state and the checkpoint that it names.

        Raises:
            TrainingError: the triples or the plan are others than before, or the checkpoint is not
                there.
            SecureAggregationError: the site's certificate, key or policy no longer allow the run.
        """
        session = self._begin(plan)
        if session.notes() != state.notes:
            raise TrainingError(
                "The triples of this site or the plan have changed since the run began. Start the "
                "run anew."
            )
        session.offer()
        if state.answer is not None:
            session.align(state.answer)
        if state.round and self._restore(session, state.round) != state.round:
            raise TrainingError(
                f"The checkpoint of round {state.round} is not there any more. The server has to "
                "take this site in again."
            )
        self._answer, self._round = state.answer, state.round
        if state.protocol:
            self._protocol = self._make_protocol(SiteState.decode(state.protocol))

    def _begin(self, plan: TrainingPlan) -> SiteSession:
        ledger = None if self._directory is None else self._directory / "privacy.jsonl"
        self.session = SiteSession(self.site, plan, ledger)
        self._protocol, self._answer, self._round = None, None, 0
        if self._directory is not None:
            self._checkpoints = SiteCheckpoints(self._directory)
        return self.session

    def _make_protocol(self, state: SiteState | None = None) -> SiteProtocol:
        guarded = self._protection
        if guarded is None:
            raise TrainingError("This site has no certificate for secure aggregation.")
        return SiteProtocol(
            self.site.name, guarded.signing_key, guarded.allow_list, guarded.policy, state
        )

    def _take(self, session: SiteSession, order: Order) -> RankingMetrics | None:
        if order.rows:
            session.receive(order.rows, order.offsets)
        return session.look(max(order.number - 1, 0)) if order.look else None

    def _restore(self, session: SiteSession, round_number: int) -> int:
        """Go on from the last checkpoint, and give its round; 0 where there is none."""
        if self._checkpoints is None:
            return 0
        kept = self._checkpoints.load_latest(round_number, session.notes())
        if kept is None:
            return 0
        number, tensors = kept
        session.restore(tensors)
        return number

    def _running(self) -> SiteSession:
        if self.session is None:
            raise TrainingError(
                "This site is in no run: it was started anew since. The server has to take it in "
                "again."
            )
        return self.session

    def _protected(self) -> SiteProtocol:
        if self._protocol is None:
            raise TrainingError(
                "This site has no keys in this run: it was started anew since. The server has to "
                "take it in again."
            )
        return self._protocol


def make_client_app(client: TrainingClient) -> ClientApp:
    """Give the Flower application by which a site answers.

    Args:
        client: the site's part. It lives as long as its process.
    """
    app = ClientApp()

    def answer_by(
        step: Callable[[RecordDict, TrainingPlan], RecordDict],
    ) -> Callable[[Message, Context], Message]:
        def answer(message: Message, context: Context) -> Message:
            try:
                plan = TrainingPlan.of_settings(context.run_config)
                plan.check_promises(context.run_config)
                return Message(step(message.content, plan), reply_to=message)
            except EmbeddingError as error:
                # These texts name sites, numbers and remedies, never what a site's data say.
                raise ReportedError(str(error)) from error

        return answer

    for name in ("offer", "align", "introduce", "declare", "accept", "unmask", "finish"):
        app.query(name)(answer_by(getattr(client, name)))
    app.train()(answer_by(client.train))
    return app
