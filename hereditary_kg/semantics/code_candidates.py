"""Which codes a member may have, and how it may write them, where it does not list them."""

from collections.abc import Callable, Iterable, Iterator

from hereditary_kg.federation.coding import CodedPredicate
from hereditary_kg.rdf.terms import IRI, Literal, Term
from hereditary_kg.semantics.errors import IdentifierError
from hereditary_kg.semantics.hub import Hub
from hereditary_kg.semantics.identifiers import iris_of
from hereditary_kg.semantics.translation import code_of

__all__ = ["all_codes", "candidate_codes", "candidate_terms"]


def candidate_codes(hub: Hub, asked: Iterable[str], vocabulary: str) -> frozenset[str]:
    """Give the codes that may stand for what is asked for: the same, narrower or broader.

    Args:
        hub: what is known.
        asked: codes, as canonical CURIEs.
        vocabulary: the member's; empty for any.
    """
    same = {name for each in asked for name in hub.exact(each)}
    return _of_vocabulary(hub.at_or_above(same) | hub.at_or_below(same), vocabulary)


def all_codes(hub: Hub, vocabulary: str) -> frozenset[str]:
    """Give the codes of a vocabulary that the hub knows, from a terminology or from mappings."""
    known = hub.terminologies.get(vocabulary)
    ends = (hub.mappings[end].to_list() for end in ("subject", "object"))
    found = _of_vocabulary((name for names in ends for name in names), vocabulary)
    return found if known is None else found.union(known.terms["id"].to_list())


def _of_vocabulary(names: Iterable[str], vocabulary: str) -> frozenset[str]:
    start = f"{vocabulary}:" if vocabulary else ""
    return frozenset(name for name in names if name.startswith(start))


def candidate_terms(
    codes: Iterable[str], coded: CodedPredicate, may_be: Callable[[str], bool]
) -> Iterator[Term]:
    """Give the terms by which a member may write codes.

    Args:
        codes: canonical CURIEs.
        coded: how the member writes them.
        may_be: says of an IRI whether it may stand there.
    """
    for code in codes:
        for term in _written(code, coded):
            if isinstance(term, IRI) and not may_be(term.value):
                continue
            if code_of(term, coded) == code:
                yield term


def _written(code: str, coded: CodedPredicate) -> Iterable[Term]:
    prefix, _, local = code.partition(":")
    # ICD-10's codes are often written without their dot.
    locals_ = dict.fromkeys((local, local.replace(".", "")))
    if coded.literal:
        texts = dict.fromkeys((*locals_, *(f"{prefix}:{each}" for each in locals_)))
        return [Literal(text) for text in texts]
    if coded.iri:
        texts = dict.fromkeys((*locals_, *(f"{prefix}{mark}{local}" for mark in ":_")))
        return [IRI(coded.iri + text) for text in texts]
    try:
        return [IRI(iri) for each in locals_ for iri in iris_of(f"{prefix}:{each}")]
    except IdentifierError:
        return []
