"""What a reviewer sees, in plain values that go to the page as JSON."""

from collections.abc import Sequence
from typing import Any

from hereditary_kg.semantics.review.candidates import Candidate, meaning
from hereditary_kg.semantics.review.claims import Claim
from hereditary_kg.semantics.review.session import Item, View
from hereditary_kg.semantics.review.term_cards import Neighbour, TermCard

__all__ = ["describe_view"]

_OF_PROPOSAL = (
    ("mapping_justification", "justification"),
    ("confidence", "confidence"),
    ("match_string", "matched on"),
    ("subject_match_field", "field of the left"),
    ("object_match_field", "field of the right"),
    ("similarity_score", "similarity"),
    ("author_label", "author"),
    ("author_id", "author"),
    ("mapping_tool", "tool"),
    ("mapping_source", "source"),
    ("curation_rule_text", "rule"),
    ("comment", "comment"),
)
"""The slots that say where a proposal comes from, with what they are called for people."""


def describe_view(view: View) -> dict[str, Any]:
    """Give a view as JSON has it."""
    progress = view.progress
    return {
        "progress": {
            "total": progress.total,
            "settled": progress.settled,
            "half": progress.half,
            "disputed": progress.disputed,
            "mine": progress.mine,
            "skipped": progress.skipped,
        },
        "last": view.last
        and {"kind": view.last.kind, "subject": view.last.pair[0], "object": view.last.pair[1]},
        "problem": view.problem,
        "item": _item(view.item) if view.item else None,
    }


def _item(item: Item) -> dict[str, Any]:
    subject, target = item.assignment.pair
    return {
        "subject": subject,
        "object": target,
        "role": item.assignment.role.value,
        "proposals": _proposals(item.candidate),
        "cards": [_card(card) for card in item.cards],
        "agreeing": [_claim(claim) for claim in item.claims.agreeing],
        "disagreeing": [_claim(claim) for claim in item.claims.disagreeing],
        "records": item.weight.records,
        "below": item.weight.below,
        "queries": list(item.weight.queries),
        "votes": [
            {"reviewer": vote.reviewer.text, "decision": vote.decision.value, "date": vote.date}
            for vote in item.votes
        ],
    }


def _proposals(candidate: Candidate) -> list[dict[str, Any]]:
    found = []
    for row in candidate.rows:
        decision = meaning(row)
        facts = [
            [name, row[slot].removeprefix("semapv:")] for slot, name in _OF_PROPOSAL if slot in row
        ]
        found.append(
            {
                "predicate": row.get("predicate_id", ""),
                "decision": decision and decision.value,
                "facts": facts,
            }
        )
    return found


def _card(card: TermCard) -> dict[str, Any]:
    return {
        "id": card.id,
        "iri": card.iri if card.iri and card.iri.startswith(("http://", "https://")) else None,
        "label": card.label,
        "definition": card.definition,
        "terminology": card.terminology,
        "obsolete": card.obsolete,
        "replacedBy": _neighbours(card.replaced_by),
        "synonyms": [[scope, list(texts)] for scope, texts in card.synonyms.items()],
        "shared": sorted(card.shared),
        "parents": _neighbours(card.parents),
        "wholes": _neighbours(card.wholes),
        "children": _neighbours(card.children),
        "childCount": card.child_count,
    }


def _neighbours(terms: Sequence[Neighbour]) -> list[dict[str, str | None]]:
    return [{"id": term.id, "label": term.label} for term in terms]


def _claim(claim: Claim) -> dict[str, Any]:
    return {
        "subject": {"id": claim.subject, "label": claim.subject_label},
        "predicate": claim.predicate,
        "object": {"id": claim.object, "label": claim.object_label},
        "denied": claim.denied,
        "justification": (claim.justification or "").removeprefix("semapv:"),
        "confidence": claim.confidence,
        "author": claim.author,
        "source": claim.source,
    }
