"""Gene symbols, old ones and ambiguous ones among them, to HGNC identifiers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from hereditary_kg.semantics.hub import Hub

__all__ = ["GENE_VOCABULARIES", "FoundGenes", "GeneSymbols"]

GENE_VOCABULARIES = frozenset({"HGNC", "NCBIGENE", "ENSEMBL"})
"""The vocabularies into which gene symbols can be converted."""

_KINDS = (("previous", "previous symbol"), ("related", "alias"), ("exact", "other name"))


@dataclass(frozen=True)
class FoundGenes:
    """The genes that a symbol may mean.

    Attributes:
        genes: HGNC identifiers; several where the symbol is ambiguous.
        note: why they were found.
    """

    genes: tuple[str, ...]
    note: str = ""


class GeneSymbols:
    """The symbols of genes.

    An approved symbol means its gene, whatever it was before. A symbol that HGNC has given up means
    the one gene that had it; an alias the one gene that has it. Upper and lower case count only
    where that makes a difference.

    Args:
        hub: a hub with HGNC.
    """

    def __init__(self, hub: Hub) -> None:
        self._terminology = hub.terminologies.get("HGNC")

    @property
    def known(self) -> bool:
        """Whether the hub has HGNC."""
        return self._terminology is not None

    @cached_property
    def _approved(self) -> Mapping[str, tuple[str, ...]]:
        if self._terminology is None:
            return {}
        terms = self._terminology.terms.filter(~pl.col("obsolete") & pl.col("label").is_not_null())
        return _indexed(terms["label"].to_list(), terms["id"].to_list())

    @cached_property
    def _others(self) -> tuple[tuple[str, Mapping[str, tuple[str, ...]]], ...]:
        if self._terminology is None:
            return ()
        current = self._terminology.terms.filter(~pl.col("obsolete")).select("id")
        synonyms = self._terminology.synonyms.join(current, on="id", how="semi")
        groups = ((name, synonyms.filter(pl.col("scope") == scope)) for scope, name in _KINDS)
        return tuple(
            (name, _indexed(rows["text"].to_list(), rows["id"].to_list())) for name, rows in groups
        )

    @cached_property
    def _labels(self) -> Mapping[str, str]:
        return {genes[0]: symbol for symbol, genes in self._approved.items() if len(genes) == 1}

    @cached_property
    def _folded(self) -> Mapping[str, str]:
        """Symbols without case -> the one symbol that it stands for."""
        found: dict[str, str] = {}
        for _, index in (("", self._approved), *self._others):
            for symbol in index:
                found.setdefault(symbol.casefold(), symbol)
        return found

    def find(self, symbol: str) -> FoundGenes:
        """Find the genes that a symbol may mean."""
        text = symbol.strip()
        found = self._find(text)
        if found.genes or text.casefold() not in self._folded:
            return found
        meant = self._folded[text.casefold()]
        found = self._find(meant)
        spelt = f"spelt {meant}"
        return FoundGenes(found.genes, f"{spelt}; {found.note}" if found.note else spelt)

    def _find(self, text: str) -> FoundGenes:
        if genes := self._approved.get(text):
            return FoundGenes(genes, self._ambiguity("approved symbol", genes))
        for kind, index in self._others:
            if genes := index.get(text):
                if len(genes) > 1:
                    return FoundGenes(genes, self._ambiguity(kind, genes))
                return FoundGenes(genes, f"{kind} of {self._name(genes[0])}")
        return FoundGenes((), "no gene symbol that HGNC knows")

    def _ambiguity(self, kind: str, genes: tuple[str, ...]) -> str:
        if len(genes) == 1:
            return ""
        return f"{kind} of {' and '.join(map(self._name, genes))}"

    def _name(self, gene: str) -> str:
        symbol = self._labels.get(gene)
        return f"{symbol} ({gene})" if symbol else gene


def _indexed(texts: Iterable[str], genes: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for text, gene in zip(texts, genes, strict=True):
        found.setdefault(text, set()).add(gene)
    return {text: tuple(sorted(several)) for text, several in found.items()}
