"""Small made-up terminologies for matching."""

from collections.abc import Iterable, Mapping

import polars as pl

from hereditary_kg.semantics.terminology import EDGES, PARTS, SYNONYMS, TERMS, Terminology


def terminology(
    name: str,
    labels: Mapping[str, str],
    synonyms: Iterable[tuple[str, str, str]] = (),
    edges: Iterable[tuple[str, str]] = (),
    obsolete: Iterable[str] = (),
    parts: Iterable[tuple[str, str]] = (),
) -> Terminology:
    """Make a terminology; identifiers are given without their prefix."""
    gone = set(obsolete)
    terms = [(f"{name}:{key}", label, None, key in gone, []) for key, label in labels.items()]
    texts = [(f"{name}:{key}", text, scope) for key, text, scope in synonyms]
    ends, wholes = (
        [(f"{name}:{low}", f"{name}:{high}") for low, high in pairs] for pairs in (edges, parts)
    )
    return Terminology(
        name,
        terms=pl.DataFrame(terms, schema=TERMS, orient="row"),
        synonyms=pl.DataFrame(texts, schema=SYNONYMS, orient="row"),
        edges=pl.DataFrame(ends, schema=EDGES, orient="row"),
        parts=pl.DataFrame(wholes, schema=PARTS, orient="row"),
    )
