"""What a site brings to runs over a network: the table ``learning`` of its settings file.

::

    [learning]
    store = "sites/clinic"          # a site of hkg site create; or triples = "clinic.tsv"
    alignment_key = "alignment.key" # the same at all sites, and not at the server
    peers = "peers"                 # the certificates of all sites: NAME.pem
    output = "output"               # where models and known links of runs go
    fewest_sites = 3                # what the site insists on in sums, whatever the server says
    fewest_owners = 3

    [learning.split]
    ratios = [0.8, 0.1, 0.1]
    seed = 0

    [learning.selection]            # see `hereditary_kg.embeddings.selection`
    shared_namespaces = ["http://purl.obolibrary.org/obo/"]

    [[learning.selection.links]]
    predicates = ["http://www.w3.org/2000/01/rdf-schema#subClassOf"]

The rest of the file says how the server is reached: see
`hereditary_kg.embeddings.grids.grid_files`. Paths are relative to the file.
"""

import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hereditary_kg.embeddings.alignment_keys import read_alignment_key
from hereditary_kg.embeddings.errors import TrainingDescriptionError, TrainingError
from hereditary_kg.embeddings.grids.certificates import read_certificate
from hereditary_kg.embeddings.grids.grid_files import SiteFile
from hereditary_kg.embeddings.grids.site_worker import SiteWorker
from hereditary_kg.embeddings.label_kinds import EVERYTHING_PUBLIC
from hereditary_kg.embeddings.model_keeping import keep_model
from hereditary_kg.embeddings.secure_aggregation import AllowList, SitePolicy
from hereditary_kg.embeddings.selection import Selection, read_selection
from hereditary_kg.embeddings.site_session import LearningSite, SiteSession
from hereditary_kg.embeddings.training_client import (
    SiteProtection,
    TrainingClient,
    make_client_app,
)
from hereditary_kg.embeddings.training_description import SiteSource, read_ratios, split_source
from hereditary_kg.federation.description_lines import find_key_lines
from hereditary_kg.federation.description_tables import TableReader
from hereditary_kg.federation.errors import DescriptionError

__all__ = [
    "LearningFile",
    "make_site_worker",
    "make_training_client",
    "read_learning_file",
    "read_peers",
]

_KEYS = (
    "store",
    "triples",
    "alignment_key",
    "peers",
    "output",
    "fewest_sites",
    "fewest_owners",
    "split",
    "selection",
)


@dataclass(frozen=True)
class LearningFile:
    """What a site's settings file says.

    Attributes:
        transport: how the server is reached.
        source: where the site's triples come from.
        selection: what of a store is trained on.
        ratios: the shares of training, validation and test triples.
        seed: chooses the split.
        alignment_key: the file of the sites' common key.
        peers: the directory of all sites' certificates; None: no secure aggregation.
        output: the directory where models and known links of runs go, one for each run.
        policy: what the site insists on in sums.
    """

    transport: SiteFile
    source: SiteSource
    selection: Selection | None
    ratios: tuple[float, float, float]
    seed: int
    alignment_key: Path
    peers: Path | None
    output: Path
    policy: SitePolicy


def read_learning_file(path: Path) -> LearningFile:
    """Read a site's settings file.

    Raises:
        TrainingDescriptionError: something in ``learning`` is wrong; with file, line and key.
        SelectionError: the same for what is selected.
        GridError: something in the rest is wrong, or a certificate cannot be used.
    """
    transport = SiteFile.read(path)
    text = path.read_text(encoding="utf-8")
    table = tomllib.loads(text)
    reader = TableReader(path, find_key_lines(text), (), table).table("learning")
    try:
        return _read(transport, reader, table.get("learning", {}))
    except DescriptionError as error:
        raise TrainingDescriptionError(str(error)) from error


def read_peers(directory: Path) -> AllowList:
    """Read the certificates of all sites, ``NAME.pem`` each.

    Raises:
        TrainingError: there is none.
        CertificateError: one cannot be used.
    """
    found = {path.stem: read_certificate(path) for path in directory.glob("*.pem")}
    if not found:
        raise TrainingError(
            f"{directory}: there are no certificates of sites. Put them there as NAME.pem, one for "
            "each site, this one among them."
        )
    return AllowList(found)


def make_training_client(
    settings: LearningFile, finished: Callable[[Path], None] | None = None
) -> TrainingClient:
    """Read the site's triples and key, and make what answers the messages of runs.

    Args:
        settings: the site's settings.
        finished: called with each run's directory.

    Raises:
        EmbeddingError: triples, key or certificates cannot be used.
        SiteError: the site's store cannot be read.
    """
    transport = settings.transport
    read = split_source(
        settings.source,
        settings.selection,
        namespaces=EVERYTHING_PUBLIC
        if settings.selection is None
        else settings.selection.namespaces,
        ratios=settings.ratios,
        seed=settings.seed,
    )
    key = read_alignment_key(path=settings.alignment_key)
    protection = None
    if settings.peers is not None:
        peers = read_peers(settings.peers)
        protection = SiteProtection(transport.identity.key, peers, settings.policy)

    def keep(session: SiteSession, number: int, rank: float) -> None:
        about: dict[str, Any] = {
            "run": session.plan.run,
            "site": session.site.name,
            "plan": asdict(session.plan),
            "privacy": session.spent(),
            "result": {"best_round": number, "validation": rank, "kept": "federated"},
        }
        output = settings.output / session.plan.run
        keep_model(session.site, session.model, about, output)
        if finished is not None:
            finished(output)

    return TrainingClient(
        LearningSite(transport.site, read.split, read.namespaces, key, read.names),
        protection,
        transport.directory / "checkpoints",
        keep,
    )


def make_site_worker(
    settings: LearningFile,
    *,
    patience: float | None = None,
    finished: Callable[[Path], None] | None = None,
) -> SiteWorker:
    """Make the worker that takes part in one run after another: see `make_training_client`.

    Args:
        settings: the site's settings.
        patience: seconds without a server after which the worker gives up; None: never.
        finished: called with each run's directory.

    Raises:
        EmbeddingError: triples, key or certificates cannot be used.
        SiteError: the site's store cannot be read.
    """
    app = make_client_app(make_training_client(settings, finished))
    return settings.transport.make_worker(app, patience=patience)


def _read(transport: SiteFile, reader: TableReader, table: dict[str, Any]) -> LearningFile:
    reader.refuse_unknown(_KEYS)
    source = SiteSource(transport.site, reader.file_path("store"), reader.file_path("triples"))
    if (source.directory is None) == (source.triples is None):
        raise reader.error("store", "give a site's store or its triples, one of both")
    selection = read_selection(reader.table("selection")) if "selection" in reader else None
    if source.directory is not None and selection is None:
        raise reader.error("selection", "is missing; say what of the store is trained on")
    key, output = reader.file_path("alignment_key"), reader.file_path("output")
    if key is None or output is None:
        raise reader.error("alignment_key" if key is None else "output", "is missing")
    split = reader.table("split")
    split.refuse_unknown(("ratios", "seed"))
    return LearningFile(
        transport,
        source,
        selection,
        read_ratios(split, table.get("split", {})),
        split.whole_number("seed", 0, 0, 2**31),
        key,
        reader.file_path("peers"),
        output,
        SitePolicy(
            reader.whole_number("fewest_sites", 3, 2, 10_000),
            reader.whole_number("fewest_owners", 3, 2, 10_000),
        ),
    )
