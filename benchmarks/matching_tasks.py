"""Tasks of matching: two terminologies, and which of their terms are known to be the same.

OAEI's Anatomy and FMA-NCI small, and OMIM-ORDO, whose truth is where Mondo's exact mappings to both
coincide; nothing of Mondo but that truth is used there. Causal genes and phenotypes come from HPO's
annotations. Nothing was ever chosen by the fourth task, mouse and human phenotypes as the Mouse
Genome Informatics group maps them. All are read from the reference data beside the repository.
"""

import csv
import gzip
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from hereditary_kg.semantics.identifiers import normalise_column
from hereditary_kg.semantics.matching import EVIDENCE
from hereditary_kg.semantics.readers import read_terminology
from hereditary_kg.semantics.sssom import read_mapping_set
from hereditary_kg.semantics.terminology import TERMS, Terminology

__all__ = ["TASKS", "Task", "annotations", "pairs_of_mondo", "read_rows", "statuses"]

Pairs = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Task:
    """Two terminologies to be matched.

    Attributes:
        name: what people call it.
        one: the one side.
        other: the other side.
        truth: the pairs that are right.
        ignored: pairs that are neither right nor wrong.
        evidence: frames like `EVIDENCE`, of either side.
        target: the F1 that is to be reached.
    """

    name: str
    one: Terminology
    other: Terminology
    truth: Pairs
    ignored: Pairs = frozenset()
    evidence: tuple[pl.DataFrame, pl.DataFrame] | None = None
    target: float = 0.0


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a packed table whose comments begin with a hash sign."""
    with gzip.open(path) as packed:
        text = io.TextIOWrapper(packed, encoding="utf-8")
        lines = (line for line in text if not line.startswith("#"))
        return list(csv.DictReader(lines, delimiter="\t"))


def anatomy(data: Path) -> Task:
    """Mouse anatomy and the human anatomy of the NCI Thesaurus."""
    directory = data / "oaei" / "anatomy"
    text = gzip.decompress((directory / "reference.xml.gz").read_bytes()).decode()
    ones = re.findall(r'<entity1 rdf:resource="[^"]*#(\w+)_(\w+)"', text)
    others = re.findall(r'<entity2 rdf:resource="[^"]*#NCI_(\w+)"', text)
    truth = frozenset(
        (f"{prefix}:{local}", f"NCIT:{other}")
        for (prefix, local), other in zip(ones, others, strict=True)
    )
    sides = [read_terminology(directory / f"{name}.xml.gz").main for name in ("source", "target")]
    return Task("OAEI Anatomy", *sides, truth, target=0.90)


def fma_nci(data: Path) -> Task:
    """The fragments of FMA and NCI that overlap."""
    directory = data / "oaei" / "largebio-fma-nci"
    one = read_terminology(directory / "fma2nci.small.owl.gz").main
    other = read_terminology(directory / "nci2fma.small.owl.gz").main

    def pairs(name: str) -> Pairs:
        return frozenset(
            (
                row["Entity1"].replace("fma:", f"{one.name}:", 1),
                row["Entity2"].replace("nci:", f"{other.name}:", 1),
            )
            for row in read_rows(directory / name)
        )

    truth, ignored = pairs("fma2nci.tsv.gz"), pairs("fma2nci.ignored.tsv.gz")
    return Task("OAEI FMA-NCI small", one, other, truth, ignored, target=0.94)


def omim_ordo(data: Path) -> Task:
    """The entries of OMIM and ORDO that are not obsolete, genes and groups among them."""
    one, other = statuses(data, "omim", "OMIM"), statuses(data, "ordo", "ORPHA")
    current = {
        str(name) for side in (one, other) for name in side.terms.filter(~pl.col("obsolete"))["id"]
    }
    known = pairs_of_mondo(data, "omim", "orphanet")
    truth = frozenset(pair for pair in known if current.issuperset(pair))
    evidence = annotations(data, "OMIM"), annotations(data, "ORPHA")
    return Task("OMIM-ORDO", one, other, truth, evidence=evidence, target=0.70)


def mp_hp(data: Path) -> Task:
    """The mouse phenotypes that were mapped by hand, by their labels, and HPO whole."""
    path = data / "mh-mappings" / "mp_hp_mgi_all.sssom.tsv.gz"
    labels = {row["subject_id"]: row["subject_label"] for row in read_rows(path)}
    terms = pl.DataFrame(
        [(name, label or None, None, False, []) for name, label in labels.items()],
        schema=TERMS,
        orient="row",
    )
    one = Terminology("MP", terms=terms.filter(pl.col("id").str.starts_with("MP:"))).sorted()
    other = read_terminology(data / "hpo" / "hp.obo.gz").main
    rows = read_mapping_set(path).to_hub_rows().filter(pl.col("predicate") == "skos:exactMatch")
    current = {*one.terms["id"], *other.terms.filter(~pl.col("obsolete"))["id"]}
    pairs = rows.select("subject", "object").iter_rows()
    return Task("MP-HP", one, other, frozenset(pair for pair in pairs if current.issuperset(pair)))


def statuses(data: Path, name: str, prefix: str) -> Terminology:
    """Read the labels of a source of Mondo."""
    rows = read_rows(data / "mondo-ingest" / f"{name}_mapping_status.tsv.gz")
    frame = pl.DataFrame(
        {
            "id": normalise_column(pl.Series([row["subject_id"] for row in rows])),
            "label": [row["subject_label"] or None for row in rows],
            "definition": None,
            "obsolete": [row["is_deprecated"] == "True" for row in rows],
            "replaced_by": [[] for _ in rows],
        },
        schema=TERMS,
    )
    own = frame.filter(pl.col("id").str.starts_with(f"{prefix}:")).unique("id")
    return Terminology(prefix, terms=own).sorted()


def pairs_of_mondo(data: Path, one: str, other: str) -> Pairs:
    """Give the codes of two vocabularies to which the same term of Mondo is mapped exactly."""
    frames = [
        read_mapping_set(data / "mondo" / "mappings" / f"mondo_exactmatch_{name}.sssom.tsv.gz")
        .to_hub_rows()
        .select("subject", "object")
        for name in (one, other)
    ]
    met = frames[0].join(frames[1], on="subject", suffix="_other")
    return frozenset(met.select("object", "object_other").iter_rows())


def annotations(data: Path, prefix: str) -> pl.DataFrame:
    """Read the causal genes and the phenotypes of the diseases of a vocabulary."""
    genes = {
        (row["disease_id"], "gene", row["gene_symbol"])
        for row in read_rows(data / "hpo" / "genes_to_phenotype.txt.gz")
        if row["disease_id"].startswith(f"{prefix}:")
    }
    phenotypes = {
        (row["database_id"], "phenotype", row["hpo_id"])
        for row in read_rows(data / "hpo" / "phenotype.hpoa.gz")
        if row["database_id"].startswith(f"{prefix}:")
        and row["aspect"] == "P"
        and row["qualifier"] != "NOT"
    }
    return pl.DataFrame(sorted(genes | phenotypes), schema=EVIDENCE, orient="row")


TASKS: Mapping[str, Callable[[Path], Task]] = {
    "anatomy": anatomy,
    "fma-nci": fma_nci,
    "omim-ordo": omim_ordo,
    "mp-hp": mp_hp,
}
"""The tasks by a short name; each is read from the directory of reference data."""
