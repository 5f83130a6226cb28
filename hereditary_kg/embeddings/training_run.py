"""A run over sites that are all on this machine: each with its own triples, as if far apart."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hereditary_kg.embeddings.alignment_keys import local_alignment_key
from hereditary_kg.embeddings.errors import TrainingError
from hereditary_kg.embeddings.grids.certificates import Authority
from hereditary_kg.embeddings.grids.in_process import InProcessGrid
from hereditary_kg.embeddings.grids.ledger import OutgoingLedger
from hereditary_kg.embeddings.grids.node import SiteApp
from hereditary_kg.embeddings.local_training import LocalTraining
from hereditary_kg.embeddings.model_keeping import keep_model
from hereditary_kg.embeddings.models import EmbeddingModel
from hereditary_kg.embeddings.ranking import rank_triples
from hereditary_kg.embeddings.round_summaries import RoundSummary
from hereditary_kg.embeddings.saved_models import SavedModel
from hereditary_kg.embeddings.secure_aggregation import AllowList, SitePolicy
from hereditary_kg.embeddings.site_session import LearningSite, SiteSession, site_seed
from hereditary_kg.embeddings.training_client import (
    SiteProtection,
    TrainingClient,
    make_client_app,
)
from hereditary_kg.embeddings.training_description import TrainingDescription, split_site
from hereditary_kg.embeddings.training_plan import TrainingPlan
from hereditary_kg.embeddings.training_report import (
    EVENTS,
    SiteResult,
    TrainingReport,
    write_report,
)
from hereditary_kg.embeddings.training_server import TrainingServer, run_training

__all__ = ["LocalRun", "RunProgress", "train_alone", "train_here", "train_sites"]


@dataclass(frozen=True)
class RunProgress:
    """Who is told how a run goes; each may be left out.

    Attributes:
        read: called with each site once its triples are read.
        round: called with each round.
        answered: called with a site's name and the message that it answered.
    """

    read: Callable[[LearningSite], None] | None = None
    round: Callable[[RoundSummary], None] | None = None
    answered: Callable[[str, str], None] | None = None


@dataclass(frozen=True, eq=False)
class LocalRun:
    """What came of a run.

    Attributes:
        report: the report.
        models: each site's model, by name.
        files: what was written.
    """

    report: TrainingReport
    models: dict[str, SavedModel]
    files: tuple[Path, ...]


def train_here(description: TrainingDescription, progress: RunProgress | None = None) -> LocalRun:
    """Train over all sites of a description in this process, and write models and report.

    Args:
        description: what to train.
        progress: who is told how it goes.

    Raises:
        EmbeddingError: something is wrong with the sites, their data or the training.
        SiteError: a site's store cannot be read.
    """
    told = progress or RunProgress()
    sites = read_sites(description)
    if told.read is not None:
        for site in sites:
            told.read(site)
    plan = description.plan
    events = description.output / EVENTS
    server, sessions = train_sites(
        sites,
        plan,
        description.output / "checkpoints",
        told,
        events=events,
        outgoing=description.output / "outgoing",
    )
    kept = {
        name: _keep(session, number, rank) for name, (session, number, rank) in sessions.items()
    }
    report = TrainingReport(
        description.name,
        plan,
        server.partition,
        server.rounds,
        [result for result, _ in kept.values()],
    )
    models = {}
    for name, (result, model) in kept.items():
        about = {
            "run": description.name,
            "site": name,
            "plan": asdict(plan),
            "sites": sorted(kept),
            "result": asdict(result),
            "partition": report.partition,
            "privacy": sessions[name][0].spent(),
        }
        models[name] = keep_model(sessions[name][0].site, model, about, description.output)
    return LocalRun(report, models, (*write_report(report, description.output), events))


def train_sites(
    sites: Sequence[LearningSite],
    plan: TrainingPlan,
    checkpoints: Path | None = None,
    progress: RunProgress | None = None,
    *,
    events: Path | None = None,
    patience: float = 3600.0,
    parallel: int = 1,
    around: Callable[[SiteApp], SiteApp] | None = None,
    outgoing: Path | None = None,
) -> tuple[TrainingServer, dict[str, tuple[SiteSession, int, float]]]:
    """Train over sites in this process, each of which answers messages and no more.

    Args:
        sites: the sites.
        plan: how they are trained.
        checkpoints: where the run is kept, to go on after a kill; None: nowhere.
        progress: who is told how it goes.
        events: where TensorBoard finds the curves; None: nowhere.
        patience: seconds that a site may take for a message.
        parallel: how many sites work at once.
        around: changes what each site brings to the run, such as by a ledger, or for a simulation
            of sites that are slow.
        outgoing: the directory of the sites' ledgers of what leaves them; None: there are none.

    Returns:
        the server, and for each site its session with the vectors that were best on its validation
        triples, their round, and their mean reciprocal rank there.
    """
    told = progress or RunProgress()
    sessions: dict[str, tuple[SiteSession, int, float]] = {}

    def finished(session: SiteSession, number: int, rank: float) -> None:
        sessions[session.site.name] = (session, number, rank)

    protections, allow_list = _protect(sites) if plan.secure else ({}, None)
    clients = [
        TrainingClient(
            site,
            protections.get(site.name),
            None if checkpoints is None else checkpoints / site.name,
            finished,
        )
        for site in sites
    ]
    apps = [
        SiteApp(
            client.site.name,
            make_client_app(client),
            ledger=_open_ledger(client.site.name, outgoing),
        )
        for client in clients
    ]
    if around is not None:
        apps = [around(app) for app in apps]
    with InProcessGrid(apps, plan.settings(), parallel=parallel) as grid:
        server = run_training(
            grid,
            plan,
            allow_list=allow_list,
            timeout=patience,
            progress=told.round,
            answered=told.answered,
            checkpoint=None if checkpoints is None else checkpoints / "server.safetensors",
            events=events,
        )
    return server, sessions


def read_sites(description: TrainingDescription) -> list[LearningSite]:
    """Read and split the triples of all sites of a description.

    The sites' common key follows from the run, so that the same run is the same to the last digit.
    It is no secret here: all sites are in this process.
    """
    key = local_alignment_key(description.name, description.plan.seed)
    read = [(source.name, split_site(source, description)) for source in description.sites]
    return [LearningSite(name, each.split, each.namespaces, key, each.names) for name, each in read]


def train_alone(site: LearningSite, plan: TrainingPlan) -> tuple[EmbeddingModel, int, float]:
    """Train a site's model on its own triples alone, for as many epochs as in the run.

    Returns:
        the vectors that were best on the validation triples, their round, and their mean
        reciprocal rank there.
    """
    split = site.split
    seed = site_seed(site.name, plan.seed)
    model = plan.initialise(len(split.training.entities), len(split.training.relations), seed)
    training = LocalTraining(model, split.training, plan.options(seed))
    best: tuple[float, int, EmbeddingModel] | None = None
    for number in range(1, plan.rounds + 1):
        training.train(plan.local_epochs)
        if number % plan.evaluate_every and number < plan.rounds:
            continue
        rank = 0.0
        if len(split.validation):
            filters = (split.training, split.testing)
            rank = rank_triples(model, split.validation, filters).metrics().mean_reciprocal_rank
        if best is None or rank > best[0] or not len(split.validation):
            best = (rank, number, _copy(model))
    if best is None:
        raise TrainingError("Nothing was trained. Ask for one round at least.")
    return best[2], best[1], best[0]


def _keep(session: SiteSession, number: int, rank: float) -> tuple[SiteResult, EmbeddingModel]:
    """Choose between the federated model and one that was trained alone, and test it."""
    site, plan, model, kept = session.site, session.plan, session.model, "federated"
    alone: dict[str, float] = {}
    if plan.fallback:
        by_itself, its_round, its_rank = train_alone(site, plan)
        alone = _test(by_itself, site)
        if its_rank > rank:
            model, kept, number, rank = by_itself, "alone", its_round, its_rank
    kinds: list[str] = []
    if session.alignment is not None:
        kinds = [str(kind) for kind in session.alignment.entity_kinds()]
    shared = {kind: kinds.count(kind) for kind in sorted(set(kinds))}
    tested = _test(model, site)
    result = SiteResult(
        site.name,
        number,
        kept,
        rank,
        tested,
        alone,
        shared,
        session.epsilon,
        session.refused_rounds,
    )
    return result, model


def _test(model: EmbeddingModel, site: LearningSite) -> dict[str, float]:
    split = site.split
    if not len(split.testing):
        return {}
    found = rank_triples(model, split.testing, (split.training, split.validation)).metrics()
    return {name: float(value) for name, value in asdict(found).items()}


def _copy(model: EmbeddingModel) -> EmbeddingModel:
    return EmbeddingModel(
        model.scoring, model.entities.clone(), model.relations.clone(), reciprocal=model.reciprocal
    )


def _open_ledger(site: str, directory: Path | None) -> OutgoingLedger | None:
    if directory is None:
        return None
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"{directory}: it cannot be made: {error.strerror}") from error
    return OutgoingLedger(directory / f"{site}.jsonl", site)


def _protect(sites: Sequence[LearningSite]) -> tuple[dict[str, SiteProtection], AllowList]:
    """Make a certificate for each site, for this run alone: all of them are in this process."""
    authority = Authority.create("this run")
    identities = {site.name: authority.issue_site(site.name) for site in sites}
    allow_list = AllowList({name: each.certificate for name, each in identities.items()})
    policy = SitePolicy(fewest_sites=2, fewest_owners=2)
    protections = {
        name: SiteProtection(each.key, allow_list, policy) for name, each in identities.items()
    }
    return protections, allow_list
