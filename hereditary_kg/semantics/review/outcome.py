"""The mapping set with what was decided.

A row stays what it is: a claim with its justification. Who reviewed it, when, and how far readers
agree with what it says goes into SSSOM's slots. Where readers decide otherwise the row says what
they decided, as their own curation, and its comment what had been proposed.
"""

from collections.abc import Iterable, Mapping

import polars as pl

from hereditary_kg.semantics.review.candidates import Candidate, meaning
from hereditary_kg.semantics.review.decisions import PREDICATES, Decision, Standing
from hereditary_kg.semantics.review.reviewers import Reviewer
from hereditary_kg.semantics.sssom.mapping_set import MappingSet, joined

__all__ = ["restored", "with_decisions"]

_ORCID = "https://orcid.org/"
_VERSION = "1.1"
_CURATION = "semapv:ManualMappingCuration"
_OF_PROPOSAL = ("predicate_label", "confidence", "similarity_score", "similarity_measure")
"""What is said of a claim, and not true of another."""

Cells = Mapping[str, str]


def restored(
    mapping_set: MappingSet, candidates: Iterable[Candidate], columns: Iterable[str]
) -> MappingSet:
    """Give a mapping set as it was before anybody decided.

    Args:
        mapping_set: what stands in the file.
        candidates: the pairs that were decided, with their rows as they were.
        columns: those that the mapping set had.
    """
    changes = {
        place: {name: row.get(name) for name in mapping_set.columns}
        for each in candidates
        for place, row in zip(each.places, each.rows, strict=True)
    }
    before = _changed(mapping_set, changes)
    kept = set(columns)
    empty = [
        name
        for name in before.columns
        if name not in kept and before.rows[name].null_count() == before.rows.height
    ]
    return before.with_rows(before.rows.drop(empty)) if empty else before


def with_decisions(
    mapping_set: MappingSet, decided: Iterable[tuple[Candidate, Standing]]
) -> MappingSet:
    """Give a mapping set with what was decided.

    Args:
        mapping_set: as it was before.
        decided: pairs with at least one vote.
    """
    changes: dict[int, Mapping[str, str | None]] = {}
    reviewers: set[Reviewer] = set()
    for candidate, standing in decided:
        reviewers.update(vote.reviewer for vote in standing.votes)
        rows = _decided_rows(candidate, standing)
        changes.update(zip(candidate.places, rows, strict=True))
    if not changes:
        return mapping_set
    said: dict[str, object] = {"sssom_version": _VERSION}
    if any(each.is_orcid for each in reviewers) and "orcid" not in mapping_set.curie_map:
        declared = mapping_set.metadata.get("curie_map")
        said["curie_map"] = {**(declared if isinstance(declared, dict) else {}), "orcid": _ORCID}
    return _changed(mapping_set, changes).with_metadata(**said)


def _decided_rows(candidate: Candidate, standing: Standing) -> list[Mapping[str, str | None]]:
    """Give what changes in each row of a pair."""
    said = [meaning(row) for row in candidate.rows]
    changes: list[dict[str, str | None]] = [{} for _ in said]
    wanted = standing.decision
    if wanted is not None:
        # What denies the pair denies all that is said of it; else one row is enough.
        places = range(len(said)) if wanted is Decision.NOT else [0] if wanted not in said else []
        for place in places:
            if said[place] is not wanted:
                changes[place] = _rewritten(candidate.rows[place], standing, wanted)
                said[place] = wanted
    for change, decision in zip(changes, said, strict=True):
        change.update(_reviewed(standing, decision))
    return list(changes)


def _rewritten(row: Cells, standing: Standing, wanted: Decision) -> dict[str, str | None]:
    authors = [vote.reviewer for vote in standing.votes if vote.decision is wanted]
    change: dict[str, str | None] = dict.fromkeys(_OF_PROPOSAL)
    if wanted is Decision.NOT:
        change.pop("predicate_label")
    else:
        change["predicate_id"] = PREDICATES[wanted]
    change["predicate_modifier"] = "Not" if wanted is Decision.NOT else None
    change["mapping_justification"] = _CURATION
    change["author_id"], change["author_label"] = _named(authors)
    earlier = row.get("comment")
    change["comment"] = f"{earlier} {_proposal(row)}" if earlier else _proposal(row)
    return change


def _proposal(row: Cells) -> str:
    predicate = row.get("predicate_id", "a mapping")
    modifier = "not " if row.get("predicate_modifier") == "Not" else ""
    how = f" by {row['mapping_justification']}" if "mapping_justification" in row else ""
    confidence = f" with confidence {row['confidence']}" if "confidence" in row else ""
    return f"Had been proposed as {modifier}{predicate}{how}{confidence}."


def _reviewed(standing: Standing, decision: Decision | None) -> dict[str, str | None]:
    identifiers, labels = _named(vote.reviewer for vote in standing.votes)
    return {
        "reviewer_id": identifiers,
        "reviewer_label": labels,
        "review_date": max(vote.date for vote in standing.votes) or None,
        "reviewer_agreement": f"{standing.agreement(decision):g}",
    }


def _named(reviewers: Iterable[Reviewer]) -> tuple[str | None, str | None]:
    """Give the cells for those who are named by ORCID, and for the others."""
    everyone = list(dict.fromkeys(reviewers))
    identifiers = joined([each.text for each in everyone if each.is_orcid])
    return identifiers or None, joined(
        [each.text for each in everyone if not each.is_orcid]
    ) or None


def _changed(
    mapping_set: MappingSet, changes: Mapping[int, Mapping[str, str | None]]
) -> MappingSet:
    """Give a mapping set with other cells, by the places of their rows."""
    by_column: dict[str, dict[int, str | None]] = {}
    for place, change in changes.items():
        for name, cell in change.items():
            by_column.setdefault(name, {})[place] = cell
    columns: list[pl.Series] = []
    for name, cells in by_column.items():
        if name in mapping_set.columns:
            column = mapping_set.rows[name]
        elif any(cell is not None for cell in cells.values()):
            column = _new_column(mapping_set, name)
        else:
            continue
        places = pl.Series(list(cells), dtype=pl.UInt32)
        values = pl.Series(list(cells.values()), dtype=pl.String)
        columns.append(column.cast(pl.String).clone().scatter(places, values).alias(name))
    return mapping_set.with_rows(mapping_set.rows.with_columns(columns))


def _new_column(mapping_set: MappingSet, name: str) -> pl.Series:
    if name == "mapping_justification":
        # Files from before SSSOM 1.0 say it in another column.
        return mapping_set.slot(name)
    return pl.Series(name, [None] * mapping_set.rows.height, dtype=pl.String)
