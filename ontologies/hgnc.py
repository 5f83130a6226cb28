"""HGNC's complete set of human gene names, as tables."""

import csv
import io
from collections.abc import Collection, Iterator

from ontologies.tables import join_values

__all__ = ["GENE_COLUMNS", "LINK_COLUMNS", "link_diseases", "parse_genes"]

GENE_COLUMNS = ("id", "symbol", "name", "aliases", "previous", "entrez", "location")
LINK_COLUMNS = ("disease_id", "hgnc_id", "symbol", "entrez")


def parse_genes(complete_set: str, linked: Collection[str]) -> Iterator[tuple[str, ...]]:
    """Read the approved genes that code for a protein or are linked with a disease.

    Args:
        complete_set: the text of ``hgnc_complete_set.txt``.
        linked: NCBI gene ids that are linked with a disease.

    Yields:
        Rows of ``GENE_COLUMNS``.
    """
    for gene in csv.DictReader(io.StringIO(complete_set), delimiter="\t"):
        coding = gene["locus_group"] == "protein-coding gene"
        if gene["status"] == "Approved" and (coding or gene["entrez_id"] in linked):
            yield (
                gene["hgnc_id"],
                gene["symbol"],
                gene["name"],
                join_values(filter(None, gene["alias_symbol"].split("|"))),
                join_values(filter(None, gene["prev_symbol"].split("|"))),
                gene["entrez_id"],
                gene["location"],
            )


def link_diseases(
    links: Collection[tuple[str, str]], genes: Collection[tuple[str, ...]]
) -> tuple[list[tuple[str, ...]], list[str]]:
    """Put HGNC's identifiers and current symbols to disease-gene links.

    Args:
        links: pairs of NCBI gene id and disease.
        genes: rows of ``GENE_COLUMNS``.

    Returns:
        Rows of ``LINK_COLUMNS``, and the NCBI gene ids HGNC has no gene for.
    """
    by_entrez = {gene[5]: gene for gene in genes if gene[5]}
    rows: list[tuple[str, ...]] = [
        (disease, by_entrez[entrez][0], by_entrez[entrez][1], entrez)
        for entrez, disease in links
        if entrez in by_entrez
    ]
    return rows, sorted({entrez for entrez, _ in links if entrez not in by_entrez}, key=int)
