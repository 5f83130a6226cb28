"""Namespaces: how IRIs begin, without saying which IRIs there are.

A namespace here is a text that IRIs begin with. A set of namespaces describes a set of IRIs when
each IRI begins with one of them: what begins with none is certainly not in the set. Shortening a
namespace keeps that true, which is how a profile keeps single persons out of sight.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from hereditary_kg.sites.adaptive_namespaces import MOST_NAMESPACES, choose_namespaces

if TYPE_CHECKING:
    from hereditary_kg.sites.individuals import Individuals

__all__ = [
    "MOST_NAMESPACES",
    "admits",
    "authority_end",
    "cut_numbered",
    "generalise_namespaces",
    "may_overlap",
    "namespace_of",
]

_FEWEST_MEMBERS = 3
_CODED = re.compile(r"(.*[#/:][A-Za-z]+_)[0-9]+", re.DOTALL)
_CUT = re.compile(r"(.*[#/:])[^#/:]*", re.DOTALL)
_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?://[^/#?]*/?)?")
_SEGMENT = re.compile(r"[^/#:]*[/#:_]?")
# Digits in a path mostly number somebody; those of years and versions do not.
_YEAR_OR_VERSION = re.compile(r"(?:(?:19|20)[0-9]{2}|v[0-9]+(?:\.[0-9]+)*|[0-9]+(?:\.[0-9]+)+)")


def namespace_of(iri: str) -> str:
    """Cut an IRI after its last ``#``, ``/`` or ``:``, or after the prefix of an OBO code.

    >>> namespace_of("http://purl.obolibrary.org/obo/HP_0001250")
    'http://purl.obolibrary.org/obo/HP_'
    >>> namespace_of("http://xmlns.com/foaf/0.1/name")
    'http://xmlns.com/foaf/0.1/'
    """
    match = _CODED.fullmatch(iri) or _CUT.fullmatch(iri)
    return match[1] if match else ""


def generalise_namespaces(
    counts: Mapping[str, int],
    is_public: Callable[[str], bool] | None = None,
    *,
    finer: Mapping[str, int] | None = None,
    individuals: "Individuals | None" = None,
) -> tuple[str, ...]:
    """Shorten namespaces until none can point at one individual.

    A namespace is cut before the first path segment that holds a digit (``…/patient/17/`` gives
    ``…/patient/``), years and version numbers apart. One with fewer than three members is
    shortened to the host, and several on one host to what they have in common, for the rest may
    be names (``…/patient/anna/`` and ``…/patient/bob/`` give ``…/patient/``).

    Args:
        counts: per namespace, how many distinct IRIs have it.
        is_public: says of a namespace whether it is a vocabulary's; such a one is not shortened
            for having few members or others beside it.
        finer: beginnings of public IRIs that ``counts`` leaves out, with how many there are.
        individuals: those in whose IRIs no namespace may lie, if they are known.

    Returns:
        The namespaces, sorted, none the beginning of another and `MOST_NAMESPACES` at most: the
        small ones that are too many give way to what they begin with. Empty where they have
        nothing in common, which stands for not known.
    """
    known: dict[str, int] = {}
    others: dict[str, int] = {}
    for namespace, count in counts.items():
        shortened = cut_numbered(namespace)
        kind = known if is_public is not None and is_public(shortened) else others
        kind[shortened] = kind.get(shortened, 0) + count
    for namespace, count in _cut_telling(others).items():
        cut = namespace if individuals is None else individuals.cut(namespace)
        known[cut] = known.get(cut, 0) + count
    return choose_namespaces(known, finer or {})


def admits(namespaces: Sequence[str], iri: str) -> bool:
    """Say whether an IRI may be among those that the namespaces describe.

    >>> admits(("http://a/",), "http://a/x"), admits(("http://a/",), "http://b/x"), admits((), "x:")
    (True, False, True)
    """
    return not namespaces or iri.startswith(tuple(namespaces))


def may_overlap(some: Iterable[str], others: Iterable[str]) -> bool:
    """Say whether an IRI may be described by both; nothing known on a side means it may."""
    left, right = tuple(some), tuple(others)
    if not left or not right:
        return True
    return any(a.startswith(right) for a in left) or any(b.startswith(left) for b in right)


def cut_numbered(namespace: str) -> str:
    """Cut a namespace before the first path segment with a digit, years and versions apart.

    >>> cut_numbered("http://h.example/patient/17/"), cut_numbered("http://h.example/v1.2/")
    ('http://h.example/patient/', 'http://h.example/v1.2/')
    """
    start = authority_end(namespace)
    position = start
    while position < len(namespace):
        segment = _SEGMENT.match(namespace, position)
        if segment is None or segment.end() == position:
            break
        text = segment[0].rstrip("/#:_")
        if any(character.isdigit() for character in text) and not (
            _YEAR_OR_VERSION.fullmatch(text)
        ):
            return namespace[:position]
        position = segment.end()
    return namespace


def _cut_telling(counts: Mapping[str, int]) -> dict[str, int]:
    """Give, per host, what all its namespaces begin with; the host where there are few IRIs."""
    hosts: defaultdict[str, list[str]] = defaultdict(list)
    for namespace in counts:
        hosts[namespace[: authority_end(namespace)]].append(namespace)
    kept: dict[str, int] = {}
    for host, namespaces in hosts.items():
        total = sum(counts[each] for each in namespaces)
        if total < _FEWEST_MEMBERS:
            kept[host] = total
            continue
        # What the first and the last in order have in common, all have.
        pairs = zip(min(namespaces), max(namespaces), strict=False)
        common = "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        if common not in counts:
            common = common[: max(len(host), *(common.rfind(mark) + 1 for mark in "#/:"))]
        kept[common] = total
    return kept


def authority_end(iri: str) -> int:
    """Say where the path of an IRI begins; of one without a host, behind its scheme."""
    match = _AUTHORITY.match(iri)
    return match.end() if match else 0
