"""Matching: proposals of which terms of two terminologies are the same.

`match` reads names, hierarchies and, where there is any, evidence of both sides, and gives
proposals with a confidence; `as_mapping_set` makes SSSOM of them. What weighs how much is fixed
(see `confidence`): nothing is fitted to the terminologies at hand, and nothing is fetched.
"""

from hereditary_kg.semantics.matching.evidence import EVIDENCE, KINDS
from hereditary_kg.semantics.matching.matcher import ABSTAIN, Proposal, match
from hereditary_kg.semantics.matching.proposals import as_mapping_set

__all__ = [
    "ABSTAIN",
    "EVIDENCE",
    "KINDS",
    "Proposal",
    "as_mapping_set",
    "match",
]
