"""Which of a site's data are trained on: declared in a table, read from the site's own store.

::

    [selection]
    shared_namespaces = ["http://purl.obolibrary.org/obo/", "http://identifiers.org/hgnc/"]
    local_namespaces = ["http://purl.obolibrary.org/obo/our_"]

    [[selection.links]]
    predicates = ["http://semanticscience.org/resource/SIO_000001"]
    subject_classes = ["http://semanticscience.org/resource/SIO_010035"]

    [[selection.links]]
    predicates = ["http://www.w3.org/2000/01/rdf-schema#subClassOf"]

A triple is selected where one of the links has its predicate, and its ends are of one of the
link's classes, if it names some. A term is of a class where its ``rdf:type`` is the class, or
lies below it by ``rdfs:subClassOf``. Predicates are relations of the shared namespaces or local
ones, just as entities are.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from hereditary_kg.embeddings.errors import SelectionError
from hereditary_kg.embeddings.label_kinds import Namespaces
from hereditary_kg.embeddings.triples import TripleSet
from hereditary_kg.federation.description_tables import TableReader
from hereditary_kg.federation.errors import DescriptionError
from hereditary_kg.rdf.terms import RDF_TYPE
from hereditary_kg.sites import Site, SiteError
from hereditary_kg.sites.store_columns import read_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyoxigraph import Store

__all__ = ["LinkSelection", "SelectedTriples", "Selection", "read_selection", "select_triples"]

_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|^`\\]+")
_BELOW = "http://www.w3.org/2000/01/rdf-schema#subClassOf"


@dataclass(frozen=True)
class LinkSelection:
    """Predicates, and what their ends must be.

    Attributes:
        predicates: IRIs.
        subject_classes: classes one of which the subject must be of; empty: anything.
        object_classes: the same of the object.
    """

    predicates: tuple[str, ...]
    subject_classes: tuple[str, ...] = ()
    object_classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Selection:
    """What of a site's data is trained on, the same declaration for all sites of a run.

    Attributes:
        links: what is selected; a triple that several of them select counts once.
        namespaces: whose terms are everybody's.
    """

    links: tuple[LinkSelection, ...]
    namespaces: Namespaces

    @property
    def predicates(self) -> tuple[str, ...]:
        """All predicates, each once."""
        return tuple(dict.fromkeys(each for link in self.links for each in link.predicates))


@dataclass(frozen=True, eq=False)
class SelectedTriples:
    """What a site trains on, and what of its data was left out.

    Attributes:
        triples: the triples; entities and relations are whole IRIs.
        namespaces: whose terms are everybody's: the declared ones, less the site's own.
        literals: how many triples of the predicates have a literal, which is no entity.
        blank_nodes: how many have a blank node, which has no name that lasts.
        of_other_classes: how many have an end that is of none of the classes. A triple that
            several links leave out counts for each.
    """

    triples: TripleSet
    namespaces: Namespaces
    literals: int
    blank_nodes: int
    of_other_classes: int

    def __str__(self) -> str:
        return (
            f"{len(self.triples)} triples of {len(self.triples.entities)} entities and "
            f"{len(self.triples.relations)} relations; left out are {self.literals} with literals, "
            f"{self.blank_nodes} with blank nodes and {self.of_other_classes} of other classes"
        )


def read_selection(table: TableReader) -> Selection:
    """Read the table ``[selection]`` of a training description.

    Raises:
        SelectionError: something in it is wrong; with file, line and key.
    """
    try:
        table.refuse_unknown(("shared_namespaces", "local_namespaces", "links"))
        shared = _read_iris(table, "shared_namespaces", required=True)
        local = _read_iris(table, "local_namespaces")
        for namespace in shared:
            if namespace.startswith(local):
                raise table.error(
                    "shared_namespaces",
                    f"{namespace} lies in a namespace that is declared local; declare it once",
                )
        links = tuple(map(_read_link, table.tables("links")))
        if not links:
            raise table.error(
                "links", "is missing; name what is trained on: [[selection.links]] with predicates"
            )
    except DescriptionError as error:
        raise SelectionError(str(error)) from error
    return Selection(links, Namespaces(shared, local))


def _read_link(table: TableReader) -> LinkSelection:
    table.refuse_unknown(("predicates", "subject_classes", "object_classes"))
    return LinkSelection(
        _read_iris(table, "predicates", required=True),
        _read_iris(table, "subject_classes"),
        _read_iris(table, "object_classes"),
    )


def _read_iris(table: TableReader, key: str, *, required: bool = False) -> tuple[str, ...]:
    iris = tuple(dict.fromkeys(table.texts(key)))
    for iri in iris:
        if not _IRI.fullmatch(iri):
            raise table.error(
                key, f"{iri!r} is no IRI; write it whole, without prefix and brackets"
            )
    if required and not iris:
        raise table.error(key, "is missing; name one at least")
    return iris


def select_triples(site: Site, selection: Selection) -> SelectedTriples:
    """Read a site's training triples from the default graph of its store, in batches.

    What lies below the site's base IRI is local, whatever is declared.

    Raises:
        SelectionError: nothing is selected; with the nearest predicates that there are. Or the
            whole of a shared namespace lies below the site's base IRI.
        SiteError: the store cannot be read.
    """
    base_iri = site.description.base_iri
    for namespace in selection.namespaces.shared:
        if namespace.startswith(base_iri):
            raise SelectionError(
                f"The shared namespace {namespace} lies below the base IRI of site "
                f"{site.description.name}, {base_iri}, where its own things are named. Take it out "
                "of shared_namespaces."
            )
    # Its own hold on the directory: the caller's, if there is one, is not let go of.
    with Site(site.directory, site.description) as held:
        store = held.open_store()
        try:
            reader = _Reader(store)
            for link in selection.links:
                reader.read(link)
            triples = reader.triples()
            if not len(triples):
                raise _nothing_selected(site, store, selection, reader)
        except (OSError, RuntimeError) as error:
            raise SiteError(f"{site.directory}: the store cannot be read: {error}") from error
    return SelectedTriples(
        triples,
        Namespaces(selection.namespaces.shared, (*selection.namespaces.local, base_iri)),
        reader.literals,
        reader.blank_nodes,
        reader.of_other_classes,
    )


class _Reader:
    """Reads links of a store into numbered triples."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        self._entities: dict[str, int] = {}
        self._relations: dict[str, int] = {}
        self._rows: list[NDArray[np.int64]] = []
        self._counted: set[str] = set()
        self.literals = 0
        self.blank_nodes = 0
        self.of_other_classes = 0

    def read(self, link: LinkSelection) -> None:
        subjects = self._members(link.subject_classes)
        objects = self._members(link.object_classes)
        for predicate in link.predicates:
            is_first = predicate not in self._counted
            self._counted.add(predicate)
            read_columns(
                self._store,
                f"SELECT ?subject ?object {{ ?subject <{predicate}> ?object }}",
                ("subject", "object"),
                partial(self._take, predicate, subjects, objects, is_first),
            )

    def triples(self) -> TripleSet:
        """Give what was read, the labels in their order as texts."""
        rows = np.concatenate(self._rows) if self._rows else np.empty((0, 3), dtype=np.int64)
        return TripleSet(tuple(self._entities), tuple(self._relations), rows).used_only()

    def _members(self, classes: Sequence[str]) -> pl.DataFrame | None:
        """Give the terms of some classes in a column ``member``, None for no classes."""
        if not classes:
            return None
        values = " ".join(f"<{each}>" for each in classes)
        query = (
            "SELECT DISTINCT ?member { { SELECT DISTINCT ?class { "
            f"VALUES ?above {{ {values} }} ?class <{_BELOW}>* ?above }} }} "
            f"?member <{RDF_TYPE}> ?class }}"
        )
        return _read_column(self._store, query, "member")

    def _take(
        self,
        predicate: str,
        subjects: pl.DataFrame | None,
        objects: pl.DataFrame | None,
        is_first: bool,
        frame: pl.DataFrame,
    ) -> None:
        has_blank = frame["object"].str.starts_with("_:")
        # Oxigraph writes numbers without quotes; statements about statements begin with <<.
        is_literal = ~(frame["object"].str.contains("^<[^<]") | has_blank)
        is_blank = ~is_literal & (frame["subject"].str.starts_with("_:") | has_blank)
        if is_first:
            self.literals += int(is_literal.sum())
            self.blank_nodes += int(is_blank.sum())
        frame = frame.filter(~is_literal & ~is_blank)
        size = frame.height
        for end, members in (("subject", subjects), ("object", objects)):
            if members is not None:
                frame = frame.join(members, left_on=end, right_on="member", how="semi")
        self.of_other_classes += size - frame.height
        if frame.is_empty():
            return
        relation = self._relations.setdefault(predicate, len(self._relations))
        rows = np.empty((frame.height, 3), dtype=np.int64)
        rows[:, 0] = self._number(frame["subject"])
        rows[:, 1] = relation
        rows[:, 2] = self._number(frame["object"])
        self._rows.append(rows)

    def _number(self, tokens: pl.Series) -> list[int]:
        numbers = self._entities
        return [numbers.setdefault(token[1:-1], len(numbers)) for token in tokens.to_list()]


def _read_column(store: "Store", query: str, column: str) -> pl.DataFrame:
    frames = [pl.DataFrame(schema={column: pl.String})]
    read_columns(store, query, (column,), frames.append)
    return pl.concat(frames)


def _nothing_selected(
    site: Site, store: "Store", selection: Selection, reader: _Reader
) -> SelectionError:
    name = site.description.name
    if reader.of_other_classes:
        return SelectionError(
            f"Site {name} has {reader.of_other_classes} triples of the selected predicates, "
            "and none whose ends are of the classes. Compare subject_classes and object_classes "
            "with its types, or leave them out."
        )
    if reader.literals or reader.blank_nodes:
        return SelectionError(
            f"Site {name} has {reader.literals} literals and {reader.blank_nodes} blank nodes "
            "behind the selected predicates, and no IRI. Select predicates between IRIs; codes in "
            "literals become IRIs by `hkg map convert`."
        )
    query = "SELECT DISTINCT ?predicate { ?s ?predicate ?o . FILTER(isIRI(?o)) }"
    tokens = _read_column(store, query, "predicate")["predicate"].to_list()
    there = sorted(token[1:-1] for token in tokens)
    near = [one for each in selection.predicates for one in get_close_matches(each, there, n=2)]
    shown = ", ".join(list(dict.fromkeys(near))[:3] or there[:5]) or "none"
    return SelectionError(
        f"Site {name} has none of the selected predicates in its default graph. "
        f"{'The nearest' if near else 'Some'} between IRIs there: {shown}."
    )
