"""A second way to every answer: plain Python over the files, without the engine and its hub.

Terms are nodes. Exact mappings make two the same; an obsolete term is what stands in its place;
is-a edges and broad mappings lead to what is broader. A site's codes for a term are those that are
the same or below; where it has none, the nearest above.
"""

import csv
import gzip
import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

from benchmarks.interconversion.raw_files import (
    Record,
    read_associations,
    read_cohort,
    read_gene_links,
    read_phenopackets,
    read_table,
)
from hereditary_kg.semantics.readers.sources import read_bytes

__all__ = ["RawOracle", "Terms"]

_SPELT = {"Orphanet": "ORPHA", "ICD10WHO": "ICD10"}
_EXACT, _BROAD, _NARROW = "skos:exactMatch", "skos:broadMatch", "skos:narrowMatch"


class Terms:
    """Mondo with its mappings, or HPO: what is the same, and what is above and below."""

    def __init__(self) -> None:
        self._same: dict[str, set[str]] = {}
        self._replaced: dict[str, set[str]] = {}
        self._obsolete: set[str] = set()
        self._up: dict[str, set[str]] = {}
        self._down: dict[str, set[str]] = {}

    def add_mondo(self, data: Path) -> None:
        """Read Mondo's hierarchy and its mappings."""
        path = data / "ontologies-json" / "MONDO-ontology-v2026-05-05.json.zst"
        for name, term in json.loads(read_bytes(path)).items():
            if term.get("deprecated"):
                self._obsolete.add(name)
                if "replaced_by" in term:
                    self._replaced.setdefault(name, set()).add(term["replaced_by"])
            for ancestor, distance in term["ancestors"].items():
                if distance == 1:
                    self._add_edge(name, ancestor)
        for match in ("exact", "broad", "narrow"):
            for path in sorted((data / "mondo" / "mappings").glob(f"mondo_{match}match_*")):
                for row in read_table(path):
                    self._map(
                        _code(row["subject_id"]), row["predicate_id"], _code(row["object_id"])
                    )

    def add_hpo(self, data: Path) -> None:
        """Read HPO's hierarchy, and what its terms were called before."""
        name = ""
        with gzip.open(data / "hpo" / "hp.obo.gz", "rt", encoding="utf-8") as lines:
            for line in lines:
                key, _, value = line.rstrip("\n").partition(": ")
                if key == "id":
                    name = value
                elif key == "is_a":
                    self._add_edge(name, value.partition(" ")[0])
                elif key == "alt_id":
                    self._obsolete.add(value)
                    self._replaced.setdefault(value, set()).add(name)

    def _map(self, subject: str, predicate: str, target: str) -> None:
        if predicate == _EXACT:
            self._same.setdefault(subject, set()).add(target)
            self._same.setdefault(target, set()).add(subject)
        elif predicate == _BROAD:
            self._add_edge(subject, target)
        elif predicate == _NARROW:
            self._add_edge(target, subject)

    def _add_edge(self, lower: str, upper: str) -> None:
        self._up.setdefault(lower, set()).add(upper)
        self._down.setdefault(upper, set()).add(lower)

    def same(self, name: str) -> set[str]:
        """Give what is the same as a term, itself among it."""
        found, waiting = {name}, [name]
        while waiting:
            term = waiting.pop()
            near = set(self._replaced.get(term, ()))
            if term == name or term not in self._obsolete:
                near |= self._same.get(term, set())
            waiting += near - found
            found |= near
        return found

    def codes(self, asked: str, census: Iterable[str]) -> set[str]:
        """Give which of a site's codes stand for a term and what is below it."""
        meanings = {code: self.same(code) for code in set(census)}
        below = self._reached(self.same(asked), self._down)
        found = {code for code, terms in meanings.items() if terms & below}
        front = self.same(asked)
        seen = set(front)
        while front and not found:
            front = {
                end for term in front for up in self._up.get(term, ()) for end in self.same(up)
            }
            front -= seen
            seen |= front
            found = {code for code, terms in meanings.items() if terms & front}
        return found

    def _reached(self, names: set[str], edges: Mapping[str, set[str]]) -> set[str]:
        found, waiting = set(names), list(names)
        while waiting:
            for end in edges.get(waiting.pop(), ()):
                near = self.same(end) - found
                waiting += near
                found |= near
        return found


class RawOracle:
    """Finds answers in the files.

    Args:
        data: the reference data.
    """

    def __init__(self, data: Path) -> None:
        self._data = data

    @cached_property
    def diseases(self) -> Terms:
        """Mondo with its mappings."""
        terms = Terms()
        terms.add_mondo(self._data)
        return terms

    @cached_property
    def phenotypes(self) -> Terms:
        """HPO."""
        terms = Terms()
        terms.add_hpo(self._data)
        return terms

    @cached_property
    def _persons(self) -> list[Record]:
        return list(read_phenopackets(self._data))

    @cached_property
    def _cohort(self) -> list[Record]:
        return read_cohort(self._data)

    @cached_property
    def _symbols(self) -> tuple[dict[str, str], dict[str, set[str]], dict[str, str]]:
        """Approved symbols, former ones and aliases, and numbers at NCBI, each with its gene."""
        approved: dict[str, str] = {}
        former: dict[str, set[str]] = {}
        alias: dict[str, set[str]] = {}
        numbers: dict[str, str] = {}
        path = self._data / "hgnc" / "hgnc_complete_set.txt.gz"
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for row in csv.DictReader(lines, delimiter="\t"):
                approved[row["symbol"]] = row["symbol"]
                numbers[row["entrez_id"]] = row["symbol"]
                for column, found in (("prev_symbol", former), ("alias_symbol", alias)):
                    for text in filter(None, row[column].split("|")):
                        found.setdefault(text, set()).add(row["symbol"])
        return approved, {**alias, **former}, numbers

    def symbol(self, text: str) -> str:
        """Give a gene's symbol of today; the same text where several genes had it, or none."""
        approved, others, _ = self._symbols
        found = {approved[text]} if text in approved else others.get(text, set())
        return next(iter(found)) if len(found) == 1 else text

    def clinic(self, asked: str) -> list[Record]:
        """Give the phenopackets of persons with a disease or what is below it."""
        census = {_disease(packet) for packet in self._persons}
        codes = self.diseases.codes(asked, census)
        return [packet for packet in self._persons if _disease(packet) in codes]

    def cohort(self, asked: str) -> list[Record]:
        """Give CINECA's individuals with a disease or what is below it."""
        held = [(each, {_icd(code) for code in _conditions(each)}) for each in self._cohort]
        codes = self.diseases.codes(asked, {code for _, some in held for code in some})
        return [each for each, some in held if some & codes]

    def with_phenotype(self, asked: str) -> list[Record]:
        """Give the phenopackets of persons who have a phenotype or what is below it."""
        held = [(packet, set(_features(packet))) for packet in self._persons]
        codes = self.phenotypes.codes(asked, {code for _, some in held for code in some})
        return [packet for packet, some in held if some & codes]

    def laboratory_genes(self, asked: str) -> dict[str, set[str]]:
        """Give the genes of the variants of persons with a disease: symbol -> persons."""
        found: dict[str, set[str]] = {}
        for packet in self.clinic(asked):
            for gene in _genes(packet):
                found.setdefault(gene, set()).add(packet["id"])
        return found

    def registry_genes(self, asked: str) -> set[tuple[str, str]]:
        """Give the registry's genes of a disease: symbol and the code it was found by."""
        links = read_gene_links(self._data)
        numbers = self._symbols[2]
        held = {*(link.disease for link in links), *self._annotated}
        codes = self.diseases.codes(asked, held)
        return {(numbers[link.gene], link.disease) for link in links if link.disease in codes}

    @cached_property
    def _annotated(self) -> set[str]:
        rows = read_table(self._data / "hpo" / "phenotype.hpoa.gz")
        return {name for row in rows if (name := row["database_id"]).startswith("ORPHA:")}

    def associated_genes(self, asked: str, *, icd: bool = False) -> set[tuple[str, str]]:
        """Give DISEASES' genes of a disease, by one of its graphs: symbol and code."""
        rows = [
            (each.symbol, each.code, _icd(each.code) if icd else each.code)
            for each in read_associations(self._data)
            if each.code.startswith("DOID:") != icd
        ]
        if icd:
            rows = [
                (symbol, text, code.replace("ICD10:", "ICD10CM:")) for symbol, text, code in rows
            ]
        codes = self.diseases.codes(asked, {code for _, _, code in rows})
        return {(self.symbol(symbol), text) for symbol, text, code in rows if code in codes}


def _code(text: str) -> str:
    prefix, _, local = text.partition(":")
    return f"{_SPELT.get(prefix, prefix)}:{local}"


def _icd(text: str) -> str:
    """Put the dot into a code of ICD-10 that is written without: ICD10:G122."""
    local = text.partition(":")[2]
    return (
        f"ICD10:{local[:3]}.{local[3:]}"
        if len(local) > 3 and "." not in local
        else f"ICD10:{local}"
    )


def _disease(packet: Record) -> str:
    return str(packet["interpretations"][0]["diagnosis"]["disease"]["id"])


def _genes(packet: Record) -> set[str]:
    found = packet["interpretations"][0]["diagnosis"].get("genomicInterpretations", ())
    contexts = (
        each["variantInterpretation"]["variationDescriptor"].get("geneContext") for each in found
    )
    return {context["symbol"] for context in contexts if context}


def _features(packet: Record) -> Iterable[str]:
    for feature in packet.get("phenotypicFeatures", ()):
        if not feature.get("excluded"):
            yield feature["type"]["id"]


def _conditions(individual: Record) -> Iterable[str]:
    return (each["diseaseCode"]["id"] for each in individual.get("diseases", ()))
