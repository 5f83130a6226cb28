"""Codes for people: which of a member's stand for which of the user's, and how they were found."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hereditary_kg.planning.conversion_reports import ConversionReport

__all__ = ["write_conversions"]

_LISTED = 8


def write_conversions(
    reports: "Iterable[ConversionReport]", prefixes: Mapping[str, str]
) -> Iterator[str]:
    """Write what was converted, a few codes of each pattern and member.

    Args:
        reports: what was converted.
        prefixes: for short IRIs.
    """
    from hereditary_kg.planning.explanation import shorten_terms

    for report in reports:
        yield f"Converted: {shorten_terms(report.statement, prefixes)}"
        if report.native != report.predicate:
            yield f"    its predicate: {shorten_terms(f'<{report.native}>', prefixes)}"
        for use in report.uses[:_LISTED]:
            terms = shorten_terms(f"{use.native} for {use.user}", prefixes)
            sources = f" [{', '.join(use.mappings)}]" if use.mappings else ""
            yield f"    {terms} ({use.way}){sources}"
        if len(report.uses) > _LISTED:
            yield f"    and {len(report.uses) - _LISTED:,} more (-O json lists them all)"
