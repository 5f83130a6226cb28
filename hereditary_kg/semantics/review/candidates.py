"""What is reviewed: pairs of terms that a mapping set proposes mappings between."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from hereditary_kg.semantics.errors import IdentifierError
from hereditary_kg.semantics.hub import GENERALISED
from hereditary_kg.semantics.identifiers import normalise
from hereditary_kg.semantics.review.decisions import PREDICATES, Decision
from hereditary_kg.semantics.sssom.mapping_set import ROW, MappingSet, parts

__all__ = [
    "Candidate",
    "Pair",
    "confirmed_elsewhere",
    "decided_elsewhere",
    "find_candidates",
    "meaning",
    "reviewed_by",
]

Pair = tuple[str, str]

_DECISIONS = {predicate: decision for decision, predicate in PREDICATES.items()}
_CONFIRMED = 0.0


@dataclass(frozen=True)
class Candidate:
    """A pair of terms with what is said of it.

    Attributes:
        pair: canonical CURIEs of subject and object.
        places: where its rows stand among the mapping set's, from 0.
        rows: their cells as they are written, without the empty ones.
    """

    pair: Pair
    places: tuple[int, ...]
    rows: tuple[Mapping[str, str], ...]

    @property
    def confidence(self) -> float:
        """The highest confidence of its rows; 0 where there is none."""
        return max(_number(row.get("confidence")) or 0.0 for row in self.rows)

    @property
    def is_denied(self) -> bool:
        """Whether all its rows say that there is no such mapping."""
        return all(meaning(row) is Decision.NOT for row in self.rows)


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def find_candidates(mapping_set: MappingSet) -> tuple[Candidate, ...]:
    """Find the pairs of a mapping set, in the order of their first rows.

    Left out are rows whose ends have no known or declared prefix.
    """
    ends = zip(
        mapping_set.canonical("subject_id").to_list(),
        mapping_set.canonical("object_id").to_list(),
        strict=True,
    )
    places: dict[Pair, list[int]] = {}
    for place, (subject, target) in enumerate(ends):
        if subject is not None and target is not None and "sssom:NoTermFound" != target != subject:
            places.setdefault((subject, target), []).append(place)
    rows = mapping_set.rows.drop(ROW, strict=False).to_dicts()
    return tuple(
        Candidate(pair, tuple(found), tuple(_filled(rows[place]) for place in found))
        for pair, found in places.items()
    )


def _filled(row: Mapping[str, str | None]) -> Mapping[str, str]:
    return {name: cell for name, cell in row.items() if cell is not None}


def meaning(row: Mapping[str, str]) -> Decision | None:
    """Say which decision a row's statement is; None where it is another predicate."""
    if row.get("predicate_modifier") == "Not":
        return Decision.NOT
    return _meaning_of(row.get("predicate_id", ""))


@cache
def _meaning_of(written: str) -> Decision | None:
    try:
        predicate = normalise(written)
    except IdentifierError:
        return None
    return _DECISIONS.get(GENERALISED.get(predicate, predicate))


def reviewed_by(row: Mapping[str, str]) -> tuple[str, ...]:
    """Give who has confirmed a row, by ORCID or name."""
    agreement = _number(row.get("reviewer_agreement"))
    if agreement is not None and agreement <= _CONFIRMED:
        return ()
    cells = (row.get("reviewer_id"), row.get("reviewer_label"))
    return tuple(each for cell in cells for each in parts(cell and cell.split("|")))


def decided_elsewhere(mapping_sets: Iterable[MappingSet]) -> frozenset[Pair]:
    """Give the pairs that need no more review, in both directions.

    They are those that are denied (``predicate_modifier: Not``), those that a reviewer has
    confirmed, and those of which readers have said that they are not what was proposed (a negative
    ``reviewer_agreement``).
    """
    return _in_both_directions(
        pair for pair, row in _rows(mapping_sets) if _is_rejected(row) or reviewed_by(row)
    )


def confirmed_elsewhere(mapping_sets: Iterable[MappingSet]) -> frozenset[Pair]:
    """Give the pairs that a reviewer has confirmed to be the same, in both directions."""
    return _in_both_directions(
        pair
        for pair, row in _rows(mapping_sets)
        if reviewed_by(row) and meaning(row) is Decision.EXACT
    )


def _rows(mapping_sets: Iterable[MappingSet]) -> Iterator[tuple[Pair, Mapping[str, str]]]:
    for each in mapping_sets:
        # Unknown prefixes stay as they are, as they do in terminologies.
        subjects, objects = (
            each.canonical(name).fill_null(each.slot(name)).to_list()
            for name in ("subject_id", "object_id")
        )
        rows = each.rows.drop(ROW, strict=False).iter_rows(named=True)
        for subject, target, row in zip(subjects, objects, rows, strict=True):
            if subject is not None and target is not None:
                yield (subject, target), _filled(row)


def _is_rejected(row: Mapping[str, str]) -> bool:
    agreement = _number(row.get("reviewer_agreement"))
    return meaning(row) is Decision.NOT or (agreement is not None and agreement < _CONFIRMED)


def _in_both_directions(pairs: Iterable[Pair]) -> frozenset[Pair]:
    return frozenset(each for pair in pairs for each in (pair, pair[::-1]))
