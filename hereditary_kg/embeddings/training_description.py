"""What is trained, by whom and on what: the file ``training.toml``.

::

    name = "demo-links"
    output = "demo-links"

    [training]                       # see `TrainingPlan`; all have defaults
    model = "ComplEx"
    rounds = 30

    [split]
    ratios = [0.8, 0.1, 0.1]

    [selection]                      # see `hereditary_kg.embeddings.selection`
    shared_namespaces = ["http://purl.obolibrary.org/obo/"]

    [[selection.links]]
    predicates = ["http://www.w3.org/2000/01/rdf-schema#subClassOf"]

    [[site]]
    name = "clinic"
    directory = "sites/clinic"       # a site of hkg site create

    [[site]]
    name = "registry"
    triples = "registry.tsv"         # or head, relation and tail between tabs

Paths are relative to the file.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hereditary_kg.embeddings.errors import EmbeddingError, TrainingDescriptionError, TrainingError
from hereditary_kg.embeddings.label_kinds import EVERYTHING_PUBLIC, Namespaces
from hereditary_kg.embeddings.selection import Selection, read_selection, select_triples
from hereditary_kg.embeddings.splitting import USUAL_RATIOS, Split, split_triples
from hereditary_kg.embeddings.training_plan import TrainingPlan
from hereditary_kg.embeddings.triples import TripleSet, read_triples
from hereditary_kg.federation.description_lines import find_key_lines
from hereditary_kg.federation.description_tables import TableReader
from hereditary_kg.federation.errors import DescriptionError
from hereditary_kg.sites import Site

__all__ = [
    "SiteSource",
    "SplitSource",
    "TrainingDescription",
    "read_ratios",
    "read_training_description",
    "split_site",
    "split_source",
]

_KEYS = ("name", "output", "training", "split", "selection", "site")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class SiteSource:
    """Where a site's triples come from: one of both.

    Attributes:
        name: the site's name.
        directory: a site directory, whose store is read.
        triples: a file of triples.
    """

    name: str
    directory: Path | None = None
    triples: Path | None = None


@dataclass(frozen=True, eq=False)
class SplitSource:
    """What was read from a source.

    Attributes:
        split: the triples.
        namespaces: whose terms are everybody's at this site.
        names: what public entities are called, as far as a store says.
    """

    split: Split
    namespaces: Namespaces
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingDescription:
    """What `read_training_description` has read.

    Attributes:
        name: what the run is called.
        path: the file.
        output: the directory where everything that the run makes goes.
        plan: how it is trained.
        ratios: the shares of training, validation and test triples.
        selection: what of site directories is trained on; None where there are files alone.
        sites: where the triples come from.
    """

    name: str
    path: Path
    output: Path
    plan: TrainingPlan
    ratios: tuple[float, float, float]
    selection: Selection | None
    sites: tuple[SiteSource, ...]

    @property
    def namespaces(self) -> Namespaces:
        """Whose terms are everybody's."""
        return EVERYTHING_PUBLIC if self.selection is None else self.selection.namespaces


def read_training_description(path: Path, *, here: bool = True) -> TrainingDescription:
    """Read a training description.

    Args:
        path: the file.
        here: whether the sites' triples are on this machine, so that they have to be described.

    Raises:
        TrainingDescriptionError: it cannot be read, or something in it is wrong; with file, line
            and key.
        SelectionError: the same for what is selected.
    """
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TrainingDescriptionError(
            f"{path}: it cannot be read as a training description (TOML): {error}"
        ) from error
    reader = TableReader(path, find_key_lines(text), (), table)
    try:
        return _read(path, reader, table, here=here)
    except DescriptionError as error:
        raise TrainingDescriptionError(str(error)) from error


def split_site(source: SiteSource, description: TrainingDescription) -> SplitSource:
    """Read a site's triples and split them: see `split_source`."""
    return split_source(
        source,
        description.selection,
        namespaces=description.namespaces,
        ratios=description.ratios,
        seed=description.plan.seed,
    )


def split_source(
    source: SiteSource,
    selection: Selection | None,
    *,
    namespaces: Namespaces,
    ratios: tuple[float, float, float],
    seed: int,
) -> SplitSource:
    """Read a site's triples and split them.

    Args:
        source: where they come from.
        selection: what of a store is trained on.
        namespaces: whose terms are everybody's; a site's own are left out for its store.
        ratios: the shares of training, validation and test triples.
        seed: chooses the split.

    Raises:
        EmbeddingError: nothing is selected, or it cannot be split.
        SiteError: the site's store cannot be read.
    """
    names: Mapping[str, str] = {}
    if source.directory is not None and selection is not None:
        selected = select_triples(Site.open(source.directory), selection)
        triples, namespaces, names = selected.triples, selected.namespaces, selected.names
    elif source.triples is not None:
        triples = TripleSet.from_labels(read_triples(source.triples))
    else:
        raise TrainingError(f"Site {source.name} has neither a directory nor triples.")
    return SplitSource(split_triples(triples, seed=seed, ratios=ratios), namespaces, names)


def _read(
    path: Path, reader: TableReader, table: dict[str, Any], *, here: bool
) -> TrainingDescription:
    reader.refuse_unknown(_KEYS)
    name = reader.text("name")
    if not _NAME.fullmatch(name):
        raise reader.error("name", "has letters, digits, dots, dashes and underscores alone")
    sites = tuple(_read_site(site) for site in reader.tables("site"))
    names = [site.name for site in sites]
    if here and len(sites) < 2:
        raise reader.error("site", "a training across sites has two [[site]] tables at least")
    if repeated := {each for each in names if names.count(each) > 1}:
        raise reader.error("site", f"several are called {', '.join(sorted(repeated))}")
    selection = None
    if "selection" in reader:
        selection = read_selection(reader.table("selection"))
    elif any(site.directory is not None for site in sites):
        raise reader.error("selection", "is missing; say what of the sites' stores is trained on")
    output = reader.file_path("output")
    return TrainingDescription(
        name=name,
        path=path,
        output=path.parent / name if output is None else output,
        plan=_read_plan(reader.table("training"), table.get("training", {}), name),
        ratios=_read_split(reader.table("split"), table.get("split", {})),
        selection=selection,
        sites=sites,
    )


def _read_site(table: TableReader) -> SiteSource:
    table.refuse_unknown(("name", "directory", "triples"))
    name = table.text("name")
    if not _NAME.fullmatch(name):
        raise table.error("name", "has letters, digits, dots, dashes and underscores alone")
    source = SiteSource(name, table.file_path("directory"), table.file_path("triples"))
    if (source.directory is None) == (source.triples is None):
        raise table.error("directory", "give a site's directory or its triples, one of both")
    return source


def _read_plan(reader: TableReader, table: dict[str, Any], name: str) -> TrainingPlan:
    defaults = {key: value for key, value in asdict(TrainingPlan()).items() if key != "run"}
    reader.refuse_unknown(tuple(defaults))
    for key, value in table.items():
        kind = type(defaults[key])
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise reader.error(key, f"must be {_KINDS[kind]}")
    try:
        return TrainingPlan(run=name, **table)
    except EmbeddingError as error:
        raise reader.error(_named_in(str(error), tuple(table)), str(error)) from error


def _named_in(message: str, keys: Sequence[str]) -> str:
    """Give the key that a message is about, or none."""
    return next((key for key in keys if key in message), "")


def _read_split(reader: TableReader, table: dict[str, Any]) -> tuple[float, float, float]:
    reader.refuse_unknown(("ratios",))
    return read_ratios(reader, table)


def read_ratios(reader: TableReader, table: dict[str, Any]) -> tuple[float, float, float]:
    """Read the shares of training, validation and test triples.

    Args:
        reader: the table that has them under ``ratios``.
        table: the same as tomllib read it.

    Raises:
        DescriptionError: they are not three numbers.
    """
    ratios = table.get("ratios", list(USUAL_RATIOS))
    numbers = isinstance(ratios, list) and all(
        isinstance(ratio, int | float) and not isinstance(ratio, bool) for ratio in ratios
    )
    if not numbers or len(ratios) != 3:
        raise reader.error("ratios", "must be three numbers, such as [0.8, 0.1, 0.1]")
    return (float(ratios[0]), float(ratios[1]), float(ratios[2]))


_KINDS: dict[type, str] = {
    bool: "true or false",
    float: "a number",
    int: "a whole number",
    str: "a text in quotes",
}
