"""The terminology extracts in memory, as the simulation needs them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from ontologies.tables import read_rows, split_values

__all__ = ["EXTRACTS", "Annotation", "Hierarchy", "Terminologies", "read_terminologies"]

EXTRACTS = Path(__file__).parents[2] / "ontologies"


class Annotation(NamedTuple):
    """One row of HPO's annotations: what is known of one feature in one disease."""

    hpo: str
    negated: bool
    frequency: float | None
    stated_frequency: str
    sex: str
    aspect: str

    @property
    def frequency_class(self) -> str:
        """The HPO frequency term the row states, or nothing."""
        return self.stated_frequency if self.stated_frequency.startswith("HP:") else ""


class Hierarchy:
    """A terminology's labels and is-a edges."""

    def __init__(self, labels: Mapping[str, str], parents: Mapping[str, tuple[str, ...]]) -> None:
        self.labels = labels
        self.parents = parents
        self._ancestors: dict[str, frozenset[str]] = {}

    def ancestors(self, term: str) -> frozenset[str]:
        """Give a term with everything above it."""
        found = self._ancestors.get(term)
        if found is None:
            above = (self.ancestors(parent) for parent in self.parents.get(term, ()))
            found = self._ancestors[term] = frozenset({term}.union(*above))
        return found

    def close(self, terms: Iterable[str]) -> set[str]:
        """Give all the terms with everything above them."""
        return set().union(*map(self.ancestors, terms))


@dataclass(frozen=True)
class Terminologies:
    """Everything the simulation reads, keyed by CURIE."""

    hpo: Hierarchy
    mondo: Hierarchy
    diseases: Mapping[str, str]
    annotations: Mapping[str, tuple[Annotation, ...]]
    disease_genes: Mapping[str, tuple[str, ...]]
    gene_symbols: Mapping[str, str]
    gene_locations: Mapping[str, str]
    mappings: tuple[tuple[str, str, str], ...]
    icd_labels: Mapping[str, str]

    @cached_property
    def mondo_of(self) -> Mapping[str, tuple[str, ...]]:
        """Mondo's exact matches of a foreign code, which is written as HPO writes it."""
        found: dict[str, list[str]] = defaultdict(list)
        for concept, predicate, foreign in self.mappings:
            if predicate == "skos:exactMatch":
                found[foreign].append(concept)
        return {foreign: tuple(concepts) for foreign, concepts in found.items()}

    @cached_property
    def unstated_frequency(self) -> float:
        """What stands in where an annotation gives no frequency.

        It is the mean of the frequencies that OMIM's annotations do give.
        """
        stated = [
            row.frequency
            for disease, rows in self.annotations.items()
            if disease.startswith("OMIM:")
            for row in rows
            if row.aspect == "P" and not row.negated and row.frequency is not None
        ]
        return round(sum(stated) / len(stated), 3)


def read_terminologies(directory: Path = EXTRACTS) -> Terminologies:
    """Read the extracts; about two seconds."""
    annotations: dict[str, list[Annotation]] = defaultdict(list)
    for row in read_rows(directory / "hpo_annotations.tsv.gz"):
        annotations[row["disease_id"]].append(
            Annotation(
                row["hpo_id"],
                row["qualifier"] == "NOT",
                float(row["frequency"]) if row["frequency"] else None,
                row["stated_frequency"],
                row["sex"],
                row["aspect"],
            )
        )
    genes = list(read_rows(directory / "hgnc_genes.tsv.gz"))
    links: dict[str, list[str]] = defaultdict(list)
    for row in read_rows(directory / "hpo_disease_genes.tsv.gz"):
        links[row["disease_id"]].append(row["hgnc_id"])
    mappings = list(read_rows(directory / "mondo_mappings.sssom.tsv.gz"))
    return Terminologies(
        hpo=_read_hierarchy(directory / "hpo_terms.tsv.gz"),
        mondo=_read_hierarchy(directory / "mondo_terms.tsv.gz"),
        diseases={
            row["disease_id"]: row["name"] for row in read_rows(directory / "hpo_diseases.tsv.gz")
        },
        annotations={disease: tuple(rows) for disease, rows in annotations.items()},
        disease_genes={disease: tuple(found) for disease, found in links.items()},
        gene_symbols={gene["id"]: gene["symbol"] for gene in genes},
        gene_locations={gene["id"]: gene["location"] for gene in genes},
        mappings=tuple(
            (
                row["subject_id"],
                row["predicate_id"],
                row["object_id"].replace("Orphanet:", "ORPHA:"),
            )
            for row in mappings
        ),
        icd_labels={
            row["object_id"]: row["object_label"]
            for row in mappings
            # Ranges of codes (A00-A09) head chapters; nobody is coded with one.
            if row["object_id"].startswith("ICD10CM:")
            and "-" not in row["object_id"]
            and row["object_label"]
        },
    )


def _read_hierarchy(path: Path) -> Hierarchy:
    labels: dict[str, str] = {}
    parents: dict[str, tuple[str, ...]] = {}
    for row in read_rows(path):
        labels[row["id"]] = row["label"]
        parents[row["id"]] = split_values(row["parents"])
    return Hierarchy(labels, parents)
