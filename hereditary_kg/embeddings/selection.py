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
ones, just as entities are. Links that stand in the store as nodes of their own are selected by
``[[selection.statements]]``: see `statement_selection`.

What public entities are called (``rdfs:label``) is read as well, for people who look at
predictions; nothing is trained on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from hereditary_kg.embeddings.errors import SelectionError
from hereditary_kg.embeddings.label_kinds import Namespaces
from hereditary_kg.embeddings.statement_selection import (
    StatementSelection,
    match_classes,
    read_iris,
    read_statement,
)
from hereditary_kg.embeddings.triples import TripleSet
from hereditary_kg.federation.description_tables import TableReader
from hereditary_kg.federation.errors import DescriptionError
from hereditary_kg.rdf.terms import RDF_TYPE, Literal, parse_term
from hereditary_kg.sites import Site, SiteError
from hereditary_kg.sites.store_columns import read_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyoxigraph import Store

__all__ = ["LinkSelection", "SelectedTriples", "Selection", "read_selection", "select_triples"]

_LABEL = "http://www.w3.org/2000/01/rdf-schema#label"


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
        statements: links that stand in the store as nodes of their own.
    """

    links: tuple[LinkSelection, ...]
    namespaces: Namespaces
    statements: tuple[StatementSelection, ...] = ()

    @property
    def predicates(self) -> tuple[str, ...]:
        """All predicates of direct links, each once."""
        return tuple(dict.fromkeys(each for link in self.links for each in link.predicates))

    @property
    def classes(self) -> tuple[str, ...]:
        """All classes of statements, each once."""
        return tuple(dict.fromkeys(each for one in self.statements for each in one.classes))


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
        names: what public entities are called in the store, as far as they are.
    """

    triples: TripleSet
    namespaces: Namespaces
    literals: int
    blank_nodes: int
    of_other_classes: int
    names: Mapping[str, str] = field(default_factory=dict)

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
        table.refuse_unknown(("shared_namespaces", "local_namespaces", "links", "statements"))
        shared = read_iris(table, "shared_namespaces", required=True)
        local = read_iris(table, "local_namespaces")
        for namespace in shared:
            if namespace.startswith(local):
                raise table.error(
                    "shared_namespaces",
                    f"{namespace} lies in a namespace that is declared local; declare it once",
                )
        links = tuple(map(_read_link, table.tables("links")))
        statements = tuple(map(read_statement, table.tables("statements")))
        if not links and not statements:
            raise table.error(
                "links", "is missing; name what is trained on: [[selection.links]] with predicates"
            )
    except DescriptionError as error:
        raise SelectionError(str(error)) from error
    return Selection(links, Namespaces(shared, local), statements)


def _read_link(table: TableReader) -> LinkSelection:
    table.refuse_unknown(("predicates", "subject_classes", "object_classes"))
    return LinkSelection(
        read_iris(table, "predicates", required=True),
        read_iris(table, "subject_classes"),
        read_iris(table, "object_classes"),
    )


def select_triples(site: Site, selection: Selection) -> SelectedTriples:
    """Read a site's training triples from the default graph of its store, in batches.

    What lies below the site's base IRI is local, whatever is declared. Names are in English or
    without a language where there are such.

    Raises:
        SelectionError: nothing is selected; with the nearest predicates and classes that there
            are. Or the whole of a shared namespace lies below the site's base IRI.
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
    local = (*selection.namespaces.local, base_iri)
    namespaces = Namespaces(selection.namespaces.shared, local)
    # Its own hold on the directory: the caller's, if there is one, is not let go of.
    with Site(site.directory, site.description) as held:
        store = held.open_store()
        try:
            reader = _Reader(store)
            for link in selection.links:
                reader.read(link)
            for statement in selection.statements:
                reader.read_statements(statement)
            triples = reader.triples()
            if not len(triples):
                raise _nothing_selected(site, store, selection, reader)
            public = filter(namespaces.is_public, triples.entities)
            names = _read_names(store, frozenset(public))
        except (OSError, RuntimeError) as error:
            raise SiteError(f"{site.directory}: the store cannot be read: {error}") from error
    return SelectedTriples(
        triples,
        namespaces,
        reader.literals,
        reader.blank_nodes,
        reader.of_other_classes,
        names,
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

            def take(frame: pl.DataFrame, name: str = predicate, count: bool = is_first) -> None:
                between = self._between_iris(frame, count=count)
                self._take(self._of_classes(between, subjects, objects), name)

            read_columns(
                self._store,
                f"SELECT ?subject ?object {{ ?subject <{predicate}> ?object }}",
                ("subject", "object"),
                take,
            )

    def read_statements(self, selected: StatementSelection) -> None:
        def take(frame: pl.DataFrame) -> None:
            between = self._between_iris(frame, count=True)
            if selected.relation is not None:
                self._take(between, selected.relation)
                return
            for (token,), part in between.group_by("relation", maintain_order=True):
                self._take(part, str(token)[1:-1])

        read_columns(self._store, selected.query(), selected.columns, take)

    def triples(self) -> TripleSet:
        """Give what was read, the labels in their order as texts."""
        rows = np.concatenate(self._rows) if self._rows else np.empty((0, 3), dtype=np.int64)
        return TripleSet(tuple(self._entities), tuple(self._relations), rows).used_only()

    def _members(self, classes: Sequence[str]) -> pl.DataFrame | None:
        """Give the terms of some classes in a column ``member``, None for no classes."""
        if not classes:
            return None
        query = f"SELECT DISTINCT ?member {{ {match_classes(classes, 'member')} }}"
        return _read_column(self._store, query, "member")

    def _between_iris(self, frame: pl.DataFrame, *, count: bool) -> pl.DataFrame:
        """Leave out, and count, what has an end or a relation that is no IRI."""
        has_blank = pl.any_horizontal(pl.all().str.starts_with("_:"))
        # Oxigraph writes numbers without quotes; statements about statements begin with <<.
        has_literal = pl.any_horizontal(
            ~(pl.all().str.contains("^<[^<]") | pl.all().str.starts_with("_:"))
        )
        marked = frame.with_columns(
            has_literal.alias("literal"), (has_blank & ~has_literal).alias("blank")
        )
        if count:
            self.literals += int(marked["literal"].sum())
            self.blank_nodes += int(marked["blank"].sum())
        return frame.filter(~marked["literal"] & ~marked["blank"])

    def _of_classes(
        self, frame: pl.DataFrame, subjects: pl.DataFrame | None, objects: pl.DataFrame | None
    ) -> pl.DataFrame:
        size = frame.height
        for end, members in (("subject", subjects), ("object", objects)):
            if members is not None:
                frame = frame.join(members, left_on=end, right_on="member", how="semi")
        self.of_other_classes += size - frame.height
        return frame

    def _take(self, frame: pl.DataFrame, relation: str) -> None:
        if frame.is_empty():
            return
        rows = np.empty((frame.height, 3), dtype=np.int64)
        rows[:, 0] = self._number(frame["subject"])
        rows[:, 1] = self._relations.setdefault(relation, len(self._relations))
        rows[:, 2] = self._number(frame["object"])
        self._rows.append(rows)

    def _number(self, tokens: pl.Series) -> list[int]:
        numbers = self._entities
        return [numbers.setdefault(token[1:-1], len(numbers)) for token in tokens.to_list()]


def _read_names(store: "Store", entities: frozenset[str]) -> dict[str, str]:
    """Give what entities are called: in English or without a language, else the first in order."""
    found: dict[str, tuple[bool, str]] = {}

    def take(frame: pl.DataFrame) -> None:
        for token, text in frame.iter_rows():
            # Oxigraph writes numbers without quotes, and a name that is a number is none.
            is_name = text.startswith('"') and token[1:-1] in entities
            term = parse_term(text) if is_name else None
            if not isinstance(term, Literal) or not term.lexical.strip():
                continue
            is_foreign = not (term.language or "en").lower().startswith("en")
            name = (is_foreign, " ".join(term.lexical.split()))
            found[token[1:-1]] = min(found.get(token[1:-1], name), name)

    query = f"SELECT ?entity ?name {{ ?entity <{_LABEL}> ?name }}"
    read_columns(store, query, ("entity", "name"), take)
    return {entity: found[entity][1] for entity in sorted(found)}


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
    predicates = "SELECT DISTINCT ?name { ?s ?name ?o . FILTER(isIRI(?o)) }"
    classes = f"SELECT DISTINCT ?name {{ ?s <{RDF_TYPE}> ?name }}"
    looked = (
        ("triple of the selected predicates", "between IRIs", selection.predicates, predicates),
        ("statement of the selected classes and paths", "classes", selection.classes, classes),
    )
    asked = [each for each in looked if each[2]]
    hints = [
        _name_nearest(kind, names, _read_column(store, query, "name")["name"].to_list())
        for _, kind, names, query in asked
    ]
    missing = " and no ".join(what for what, *_ in asked)
    return SelectionError(f"Site {name} has no {missing} in its default graph. {' '.join(hints)}")


def _name_nearest(kind: str, asked: Sequence[str], tokens: Sequence[str]) -> str:
    there = sorted(token[1:-1] for token in tokens)
    near = [one for each in asked for one in get_close_matches(each, there, n=2)]
    shown = ", ".join(list(dict.fromkeys(near))[:3] or there[:5]) or "none"
    return f"{'The nearest' if near else 'Some'} {kind} there: {shown}."
