"""The server's side of alignment: it numbers what enough sites hold, and sees no label."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hereditary_kg.embeddings.alignment import IDENTIFIER_SIZE, RowMap, VocabularyOffer
from hereditary_kg.embeddings.errors import (
    AlignmentError,
    NothingSharedError,
    SingleSiteError,
    UnalignedVocabulariesError,
)
from hereditary_kg.embeddings.partition_recognition import RecognisedPartition, recognise_partition

__all__ = ["FEWEST_HOLDERS", "AlignedVocabularies", "align_vocabularies"]

FEWEST_HOLDERS = 2
"""How many sites hold a term at least whose vector is aggregated."""


@dataclass(frozen=True, eq=False)
class AlignedVocabularies:
    """What the server knows after alignment: numbers, and no label.

    Attributes:
        sites: the sites' names, in the order of their offers.
        answers: what each site is told.
        entity_holders: how many sites hold each global row of entities. Shape ``[rows]``.
        relation_holders: the same of relations.
        entities_in_common: how many offered entities each two sites have in common, a site's own
            number on the diagonal. Shape ``[sites, sites]``.
        relations_in_common: the same of relations.
        partition: how the sites' data lie to each other.
    """

    sites: tuple[str, ...]
    answers: Mapping[str, RowMap]
    entity_holders: NDArray[np.int64]
    relation_holders: NDArray[np.int64]
    entities_in_common: NDArray[np.int64]
    relations_in_common: NDArray[np.int64]
    partition: RecognisedPartition

    def __str__(self) -> str:
        """Say per site what it offered and what of that is shared, and how the sites' data lie."""
        first = (
            f"{len(self.entity_holders)} shared entities, {len(self.relation_holders)} shared "
            f"relations at {len(self.sites)} sites. {self.partition}"
        )
        lines = [first]
        for site in self.sites:
            answer = self.answers[site]
            parts = [
                f"{what}: {int((rows >= 0).sum())} shared, {int((rows < 0).sum())} public"
                for what, rows in (("entities", answer.entities), ("relations", answer.relations))
            ]
            lines.append(f"{site}: {'; '.join(parts)}; how many are local is not known here")
        return "\n".join(lines)


def align_vocabularies(
    offers: Sequence[VocabularyOffer], fewest_holders: int = FEWEST_HOLDERS
) -> AlignedVocabularies:
    """Number the terms that enough sites hold; this is what the server does.

    Args:
        offers: one of each site.
        fewest_holders: how many sites must hold a term, 2 at least.

    Raises:
        SingleSiteError: there are offers of fewer than two sites.
        UnalignedVocabulariesError: the sites have different keys or runs.
        NothingSharedError: a site shares no entity with enough others.
        AlignmentError: an offer is malformed, a name is there twice, or the number of holders
            cannot be reached.
    """
    _check_offers(offers, fewest_holders)
    entities, entity_holders, entities_in_common = _number(
        [offer.entities for offer in offers], fewest_holders
    )
    relations, relation_holders, relations_in_common = _number(
        [offer.relations for offer in offers], fewest_holders
    )
    without = [
        offer.site for offer, rows in zip(offers, entities, strict=True) if not (rows >= 0).any()
    ]
    if without:
        raise NothingSharedError(_tell_without(without, offers, fewest_holders))
    answers = {
        offer.site: RowMap(mine, ours, len(entity_holders), len(relation_holders))
        for offer, mine, ours in zip(offers, entities, relations, strict=True)
    }
    return AlignedVocabularies(
        tuple(offer.site for offer in offers),
        answers,
        entity_holders,
        relation_holders,
        entities_in_common,
        relations_in_common,
        recognise_partition(entities_in_common, relations_in_common),
    )


def _check_offers(offers: Sequence[VocabularyOffer], fewest_holders: int) -> None:
    names = [offer.site for offer in offers]
    if len(set(names)) != len(names):
        raise AlignmentError(
            f"Two sites have one name among {', '.join(sorted(names))}. Give each its own."
        )
    if len(offers) < FEWEST_HOLDERS:
        who = f"only {names[0]} takes" if names else "no site takes"
        raise SingleSiteError(
            f"A federation has two sites at least, and {who} part. Wait for the others, or train "
            "at this site by itself with the strategy that exchanges nothing."
        )
    if not FEWEST_HOLDERS <= fewest_holders <= len(offers):
        raise AlignmentError(
            f"A term is shared that {fewest_holders} sites hold, of {len(offers)}. Ask for "
            f"{FEWEST_HOLDERS} to {len(offers)}: what one site alone holds never leaves it."
        )
    for offer in offers:
        _check_form(offer)
    first = offers[0]
    for offer in offers[1:]:
        if offer.run != first.run:
            raise UnalignedVocabulariesError(
                f"{first.site} takes part in run {first.run!r}, and {offer.site} in {offer.run!r}. "
                "Give all sites the same training description."
            )
        if not hmac.compare_digest(offer.check, first.check):
            raise UnalignedVocabulariesError(
                f"{first.site} and {offer.site} have different keys, so that none of their terms "
                "would meet. Copy one site's key file to the others, on a way that the server "
                "cannot see."
            )


def _check_form(offer: VocabularyOffer) -> None:
    for identifiers in (offer.entities, offer.relations):
        form = identifiers.dtype == np.uint8 and identifiers.ndim == 2
        if not form or identifiers.shape[1] != IDENTIFIER_SIZE or not _is_ascending(identifiers):
            raise AlignmentError(
                f"{offer.site} offers no list of identifiers of {IDENTIFIER_SIZE} bytes in "
                "ascending order, each once. Run the same version everywhere."
            )


def _is_ascending(identifiers: NDArray[np.uint8]) -> bool:
    high, low = _halves(identifiers)
    return bool(((high[1:] > high[:-1]) | ((high[1:] == high[:-1]) & (low[1:] > low[:-1]))).all())


def _halves(identifiers: NDArray[np.uint8]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    halves = np.ascontiguousarray(identifiers).view(">u8").astype(np.uint64)
    return halves[:, 0], halves[:, 1]


def _number(
    offered: Sequence[NDArray[np.uint8]], fewest_holders: int
) -> tuple[list[NDArray[np.int64]], NDArray[np.int64], NDArray[np.int64]]:
    """Number identifiers in ascending order, which says nothing about labels.

    Returns:
        Per site the numbers of what it offered; how many sites hold each number; and how many
        identifiers each two sites have in common.
    """
    sizes = [len(identifiers) for identifiers in offered]
    high, low = _halves(np.concatenate(offered, axis=0))
    order = np.lexsort((low, high))
    is_new = np.ones(len(order), dtype=np.bool_)
    is_new[1:] = (np.diff(high[order]) != 0) | (np.diff(low[order]) != 0)
    places = np.empty(len(order), dtype=np.int64)
    places[order] = np.cumsum(is_new) - 1
    held = np.bincount(places)
    numbers = np.full(len(held), -1, dtype=np.int64)
    chosen = held >= fewest_holders
    numbers[chosen] = np.arange(chosen.sum())
    by_site = np.split(places, np.cumsum(sizes)[:-1])
    in_common = np.array(
        [[len(np.intersect1d(one, other)) for other in by_site] for one in by_site], dtype=np.int64
    )
    return [numbers[mine] for mine in by_site], held[chosen].astype(np.int64), in_common


def _tell_without(
    without: list[str], offers: Sequence[VocabularyOffer], fewest_holders: int
) -> str:
    sizes = {offer.site: len(offer.entities) for offer in offers}
    shown = ", ".join(f"{site} (offers {sizes[site]})" for site in without)
    return (
        f"No entity of {shown} is held by {fewest_holders} sites, so that nothing can be learned "
        "together. Name all vocabularies in common in shared_namespaces, convert codes of one's "
        "own by `hkg map convert`, or leave the site out."
    )
