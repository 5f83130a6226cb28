"""Alignment of the sites' vocabularies by a server that sees none of them.

Each site sends, of the entities and relations in the shared namespaces, *keyed identifiers*: the
HMAC-SHA-256 of the label under a key that the sites have in common and the server has not, cut to
16 bytes. Equal terms have equal identifiers, and without the key nobody can try out labels. The
server numbers the identifiers that enough sites hold (`global_numbering`), and tells each site
which of its terms have which number. Terms of one site alone get no number, and local ones are
never sent at all.

What the server learns: how many public terms each site has, and how many any of them have in
common. Identifiers of another run have nothing to do with those of this one. What a site learns:
which of its own public terms enough sites hold, and how many rows there are.

What this does not withstand: a site that gives the key to the server, which can then try out a
dictionary; where that is to be feared, `set_intersection` finds the common terms first, and only
those are offered here. And a server that calls terms shared which are not: that a row is summed
over enough sites is seen to by secure aggregation, at the sites.

Source: RFC 2104 (HMAC); NIST SP 800-107, section 5.3.1 (cutting it).
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hereditary_kg.embeddings.alignment_keys import AlignmentKey
from hereditary_kg.embeddings.errors import (
    AlignmentError,
)
from hereditary_kg.embeddings.label_kinds import LabelKind, Namespaces
from hereditary_kg.embeddings.triples import TripleSet

__all__ = [
    "IDENTIFIER_SIZE",
    "OfferedVocabulary",
    "RowMap",
    "SiteAlignment",
    "SiteVocabulary",
    "VocabularyOffer",
]

IDENTIFIER_SIZE = 16
"""Bytes of a keyed identifier."""

_CONTEXT = "hereditary_kg alignment 1"


@dataclass(frozen=True, eq=False)
class SiteVocabulary:
    """The terms of one site.

    Args:
        site: the site's name.
        entities: their labels; the place of one is its row in the site's own tensors.
        relations: the same of relations.
        namespaces: which of them are public.
    """

    site: str
    entities: tuple[str, ...]
    relations: tuple[str, ...]
    namespaces: Namespaces

    @classmethod
    def of_triples(cls, site: str, triples: TripleSet, namespaces: Namespaces) -> "SiteVocabulary":
        """Take the vocabulary of a site's triples."""
        return cls(site, triples.entities, triples.relations, namespaces)

    def public_entities(self) -> tuple[str, ...]:
        """Give the labels of public entities, as they are put into a private set intersection."""
        return tuple(filter(self.namespaces.is_public, self.entities))

    def public_relations(self) -> tuple[str, ...]:
        """Give the labels of public relations."""
        return tuple(filter(self.namespaces.is_public, self.relations))

    def offer(
        self,
        key: AlignmentKey,
        run: str,
        *,
        common_entities: Sequence[str] | None = None,
        common_relations: Sequence[str] | None = None,
    ) -> "OfferedVocabulary":
        """Make the message to the server, and keep what is needed to read its answer.

        Args:
            key: the sites' common key.
            run: identifies the run, so that identifiers of another run do not meet these.
            common_entities: where a private set intersection came first, the entities that it
                found at other sites: no others are offered.
            common_relations: the same of relations.
        """
        entities, entity_rows = self._identify(self.entities, key, run, "entity", common_entities)
        relations, relation_rows = self._identify(
            self.relations, key, run, "relation", common_relations
        )
        # Says whether sites have the same key and the same run, and nothing about either.
        check = hmac.digest(_derive(key, run, "check"), b"", "sha256")[:IDENTIFIER_SIZE]
        offer = VocabularyOffer(self.site, run, check, entities, relations)
        return OfferedVocabulary(self, offer, entity_rows, relation_rows)

    def _identify(
        self,
        labels: tuple[str, ...],
        key: AlignmentKey,
        run: str,
        kind: str,
        common: Sequence[str] | None,
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Give the identifiers of public labels in ascending order, and their rows."""
        public = self.namespaces.mark_public(labels)
        if common is not None:
            chosen = set(common)
            public &= np.fromiter((each in chosen for each in labels), np.bool_, count=len(labels))
        derived = _derive(key, run, kind)
        # Sorted by identifier: the order of the rows is that of the labels, and would tell of them.
        identified = sorted(
            (hmac.digest(derived, labels[row].encode(), "sha256")[:IDENTIFIER_SIZE], row)
            for row in np.flatnonzero(public).tolist()
        )
        joined = b"".join(identifier for identifier, _ in identified)
        rows = np.array([row for _, row in identified], dtype=np.int64)
        return np.frombuffer(joined, dtype=np.uint8).reshape(-1, IDENTIFIER_SIZE), rows


def _derive(key: AlignmentKey, run: str, kind: str) -> bytes:
    """Derive the key of one run and kind of term; no two contexts make the same text."""
    context = f"{_CONTEXT}\0{kind}\0{run}".encode()
    return hmac.digest(key.reveal(), context, "sha256")


@dataclass(frozen=True, eq=False)
class VocabularyOffer:
    """What a site sends to the server.

    Attributes:
        site: the site's name.
        run: the run.
        check: equal at sites that have the same key and run.
        entities: identifiers in ascending order, each once. Shape ``[n, 16]``.
        relations: the same of relations.
    """

    site: str
    run: str
    check: bytes
    entities: NDArray[np.uint8]
    relations: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class RowMap:
    """What the server answers to one site.

    Attributes:
        entities: for each offered entity, in the order of the offer, its global row; -1 where too
            few sites hold it. Shape ``[n]``.
        relations: the same of relations.
        entity_rows: how many global rows of entities there are.
        relation_rows: how many of relations.
    """

    entities: NDArray[np.int64]
    relations: NDArray[np.int64]
    entity_rows: int
    relation_rows: int


@dataclass(frozen=True, eq=False)
class OfferedVocabulary:
    """A site's vocabulary, what it sent of it, and in which order.

    Attributes:
        vocabulary: the vocabulary.
        offer: what is sent.
        entity_rows: the site's row of each offered entity.
        relation_rows: the same of relations.
    """

    vocabulary: SiteVocabulary
    offer: VocabularyOffer
    entity_rows: NDArray[np.int64]
    relation_rows: NDArray[np.int64]

    def read_answer(self, answer: RowMap) -> "SiteAlignment":
        """Turn the server's answer into the map of the site's own rows.

        Raises:
            AlignmentError: the answer is not one to this offer.
        """
        vocabulary = self.vocabulary
        return SiteAlignment(
            vocabulary,
            _own_map(
                answer.entities, self.entity_rows, len(vocabulary.entities), answer.entity_rows
            ),
            _own_map(
                answer.relations,
                self.relation_rows,
                len(vocabulary.relations),
                answer.relation_rows,
            ),
            answer.entity_rows,
            answer.relation_rows,
        )


def _own_map(
    answered: NDArray[np.int64], rows: NDArray[np.int64], size: int, global_rows: int
) -> NDArray[np.int64]:
    numbered = answered[answered >= 0]
    if (
        answered.shape != rows.shape
        or (answered < -1).any()
        or (numbered >= global_rows).any()
        or len(np.unique(numbered)) != len(numbered)
    ):
        raise AlignmentError(
            "The server's numbering does not belong to what this site offered: its length, a row "
            "beyond the last, or two terms in one row. Start the run anew; if that stays, the "
            "server and this site run different versions."
        )
    mapped = np.full(size, -1, dtype=np.int64)
    mapped[rows] = answered
    return mapped


@dataclass(frozen=True, eq=False)
class SiteAlignment:
    """Where the rows of one site are among those of the federation; known to the site alone.

    Attributes:
        vocabulary: the site's.
        entities: for each of the site's entities its global row, -1 where its vector stays here.
            Shape ``[entities]``.
        relations: the same of relations.
        entity_rows: how many global rows of entities there are.
        relation_rows: how many of relations.
    """

    vocabulary: SiteVocabulary
    entities: NDArray[np.int64]
    relations: NDArray[np.int64]
    entity_rows: int
    relation_rows: int

    def entity_kinds(self) -> tuple[LabelKind, ...]:
        """Give the kind of each of the site's entities."""
        return self._kinds(self.vocabulary.entities, self.entities)

    def relation_kinds(self) -> tuple[LabelKind, ...]:
        """Give the kind of each of the site's relations."""
        return self._kinds(self.vocabulary.relations, self.relations)

    def labels(self, kind: LabelKind) -> tuple[str, ...]:
        """Give the labels of the entities of one kind, to be shown at the site itself alone."""
        found = zip(self.vocabulary.entities, self.entity_kinds(), strict=True)
        return tuple(label for label, each in found if each == kind)

    def __str__(self) -> str:
        """Say how many terms are of which kind, before training starts."""
        parts = []
        for what, kinds in (
            ("entities", self.entity_kinds()),
            ("relations", self.relation_kinds()),
        ):
            counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in reversed(LabelKind))
            parts.append(f"{what}: {counts}")
        return f"{self.vocabulary.site}: {'; '.join(parts)}"

    def _kinds(self, labels: tuple[str, ...], rows: NDArray[np.int64]) -> tuple[LabelKind, ...]:
        is_public = self.vocabulary.namespaces.is_public
        return tuple(
            LabelKind.SHARED
            if row >= 0
            else (LabelKind.PUBLIC if is_public(label) else LabelKind.LOCAL)
            for label, row in zip(labels, rows.tolist(), strict=True)
        )
