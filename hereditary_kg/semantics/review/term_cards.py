"""What a reader sees of both terms."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from hereditary_kg.semantics.errors import IdentifierError
from hereditary_kg.semantics.hub import Hub, Term
from hereditary_kg.semantics.identifiers import iri_of
from hereditary_kg.semantics.review.candidates import Candidate

__all__ = ["Neighbour", "TermCard", "label_of", "make_cards"]

_MOST = 6
"""Children that are shown at most."""

_SCOPES = ("exact", "previous", "narrow", "broad", "related")


@dataclass(frozen=True)
class Neighbour:
    """A term beside the one that is shown."""

    id: str
    label: str | None


@dataclass(frozen=True)
class TermCard:
    """What is known of a term.

    Attributes:
        id: its canonical CURIE.
        iri: its IRI; None where none is known.
        label: its preferred label.
        definition: its definition.
        terminology: name and version of the terminology that knows it; None where none does.
        obsolete: whether it is no longer to be used.
        replaced_by: what stands in its place.
        synonyms: by scope, the scopes in the order of how much they say.
        parents: direct ones.
        wholes: what it is directly a part of.
        children: some direct ones.
        child_count: how many direct ones there are.
        shared: those of its names that the other term has as well.
    """

    id: str
    iri: str | None = None
    label: str | None = None
    definition: str | None = None
    terminology: str | None = None
    obsolete: bool = False
    replaced_by: tuple[Neighbour, ...] = ()
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parents: tuple[Neighbour, ...] = ()
    wholes: tuple[Neighbour, ...] = ()
    children: tuple[Neighbour, ...] = ()
    child_count: int = 0
    shared: frozenset[str] = frozenset()

    @property
    def names(self) -> Iterator[str]:
        """Its label and all synonyms."""
        if self.label:
            yield self.label
        for texts in self.synonyms.values():
            yield from texts


def make_cards(hub: Hub, candidate: Candidate) -> tuple[TermCard, TermCard]:
    """Make the cards of a pair's subject and object."""
    row = candidate.rows[0]
    one = _card(hub, candidate.pair[0], row.get("subject_label"))
    other = _card(hub, candidate.pair[1], row.get("object_label"))
    return _with_shared(one, other), _with_shared(other, one)


def _with_shared(card: TermCard, other: TermCard) -> TermCard:
    theirs = {_folded(name) for name in other.names}
    shared = frozenset(name for name in card.names if _folded(name) in theirs)
    return replace(card, shared=shared)


def _folded(name: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in name.casefold()).split())


def _card(hub: Hub, code: str, written_label: str | None) -> TermCard:
    term = hub.term(code) if code in hub else Term(code)
    prefix = code.partition(":")[0]
    terminology = hub.terminologies.get(prefix)
    children = hub.children(code)
    known = terminology is not None and term.label is not None
    return TermCard(
        code,
        _iri(code),
        term.label or written_label,
        term.definition,
        f"{prefix} {terminology.version}".strip() if terminology and known else None,
        term.obsolete,
        _neighbours(hub, term.replaced_by),
        _synonyms(hub, code),
        _neighbours(hub, hub.parents(code)),
        _neighbours(hub, hub.wholes(code)),
        _neighbours(hub, children[:_MOST]),
        len(children),
    )


def _iri(code: str) -> str | None:
    try:
        return iri_of(code)
    except IdentifierError:
        return None


def _neighbours(hub: Hub, codes: Sequence[str]) -> tuple[Neighbour, ...]:
    return tuple(Neighbour(code, label_of(hub, code)) for code in codes)


def label_of(hub: Hub, code: str) -> str | None:
    """Give a term's label; None where nothing knows it."""
    return hub.term(code).label if code in hub else None


def _synonyms(hub: Hub, code: str) -> Mapping[str, tuple[str, ...]]:
    terminology = hub.terminologies.get(code.partition(":")[0])
    if terminology is None:
        return {}
    rows = terminology.synonyms.filter(pl.col("id") == code)
    found: dict[str, list[str]] = {scope: [] for scope in _SCOPES}
    for text, scope in rows.select("text", "scope").iter_rows():
        found.setdefault(scope, []).append(text)
    return {scope: tuple(texts) for scope, texts in found.items() if texts}
