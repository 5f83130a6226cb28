"""The reference data, read file by file, without anything of the engine's."""

import csv
import gzip
import json
import lzma
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

__all__ = [
    "DATA",
    "Association",
    "GeneLink",
    "read_associations",
    "read_cohort",
    "read_gene_links",
    "read_phenopackets",
    "read_phenotypes",
    "read_table",
    "read_variants",
]

DATA = Path("../shared/data")

Record = Mapping[str, Any]


def read_phenopackets(data: Path) -> Iterator[dict[str, Any]]:
    """Read the phenopackets, in the order of the file."""
    with lzma.open(data / "phenopacket-store" / "phenopackets.jsonl.xz", "rt") as lines:
        for line in lines:
            yield json.loads(line)


class GeneLink(NamedTuple):
    """A gene of a disease: the disease's code, and the gene's number at NCBI."""

    disease: str
    gene: str


def read_table(path: Path) -> Iterator[dict[str, str]]:
    """Read a gzipped table with tabs, without the comments above it."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        plain = (line for line in lines if not line.startswith("#"))
        yield from csv.DictReader(plain, delimiter="\t", quoting=csv.QUOTE_NONE)


def read_gene_links(data: Path) -> list[GeneLink]:
    """Read the genes of ORPHA diseases, each pair once."""
    rows = read_table(data / "hpo" / "genes_to_phenotype.txt.gz")
    links = ((row["disease_id"], row["ncbi_gene_id"]) for row in rows)
    return [GeneLink(*pair) for pair in dict.fromkeys(links) if pair[0].startswith("ORPHA:")]


def read_phenotypes(data: Path) -> Mapping[str, list[str]]:
    """Read the phenotypes of ORPHA diseases: code -> HPO terms; those that are excluded apart."""
    found: dict[str, dict[str, None]] = {}
    for row in read_table(data / "hpo" / "phenotype.hpoa.gz"):
        if row["database_id"].startswith("ORPHA:"):
            terms = found.setdefault(row["database_id"], {})
            if row["qualifier"] != "NOT":
                terms[row["hpo_id"]] = None
    return {disease: list(terms) for disease, terms in found.items()}


class Association(NamedTuple):
    """A disease of a gene, as DISEASES' curated channel has it."""

    symbol: str
    code: str
    sources: tuple[str, ...]
    confidence: str


def read_associations(data: Path) -> list[Association]:
    """Read DISEASES' curated channel, each pair of gene and code once."""
    path = data / "diseases-jensenlab" / "human_disease_knowledge_full.tsv.gz"
    found: dict[tuple[str, str], list[list[str]]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for cells in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            found.setdefault((cells[1], cells[2]), []).append(cells)
    return [
        Association(
            symbol,
            code,
            tuple(sorted({cells[4] for cells in rows})),
            max(cells[6] for cells in rows),
        )
        for (symbol, code), rows in found.items()
    ]


def read_cohort(data: Path) -> list[Record]:
    """Read CINECA UK1's individuals: real samples of 1000 Genomes with synthetic phenotypes."""
    return _read_json(data / "cineca-uk1" / "individuals.bff.json.gz")


def read_variants(data: Path) -> list[Record]:
    """Read CINECA UK1's variants with the samples that carry them."""
    return _read_json(data / "cineca-uk1" / "genomicVariations.bff.json.gz")


def _read_json(path: Path) -> list[Record]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        records: list[Record] = json.load(stream)
        return records
