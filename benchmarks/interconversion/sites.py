"""The five sites, each in codes and words of its own, and the trustee of the pseudonyms.

==  ==========================================================================================
A   the phenopackets without variants: OMIM, HPO; ``FEMALE``
B   phenotypes of ORPHA diseases, and their genes by number at NCBI
C   the variants of A's persons, under pseudonyms: HERO Genomics, HGNC
D   DISEASES' curated channel: DOID in one graph, ICD-10 in the other; gene symbols, also old ones
E   CINECA UK1 with its genotypes: ICD-10, sex in NCIT. Samples and genotypes are those of 1000
    Genomes; **its phenotypes are synthetic**.
==  ==========================================================================================

``federation.toml`` beside this module describes them to the user.
"""

import hashlib
import hmac
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.interconversion.raw_files import (
    DATA,
    read_associations,
    read_cohort,
    read_gene_links,
    read_phenopackets,
    read_phenotypes,
    read_variants,
)
from benchmarks.services import build_site
from hereditary_kg.semantics.hub import Hub
from hereditary_kg.semantics.hub_files import write_hub
from hereditary_kg.semantics.importing import import_files

__all__ = [
    "BUILDERS",
    "PHENOPACKETS",
    "build_hub",
    "build_sites",
    "hub_files",
    "person",
    "pseudonym",
]

PHENOPACKETS = "phenopackets.jsonl"
"""What the clinic has: phenopackets, without variants."""

_DCT = "http://purl.org/dc/terms/"
_HERO = "https://w3id.org/hereditary/ontology/schema/"
_OBO = "http://purl.obolibrary.org/obo/"
_STUDY = "https://study.example/terms#"
_A, _B, _D, _E = (
    f"https://{name}.example/" for name in ("clinic", "rare-diseases", "diseases", "cohort")
)
_C = "https://laboratory.example/"
_KEY = b"a key that only the trustee has"


def build_sites(directory: Path, data: Path = DATA) -> Path:
    """Build the sites, and what the clinic's phenopackets are.

    Args:
        directory: where they go; it is made if need be.
        data: the reference data.

    Returns:
        The federation's description. It names a hub beside it, ``hub``, that `build_hub` makes.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / PHENOPACKETS).open("w", encoding="utf-8") as stream:
        for packet in read_phenopackets(data):
            stream.write(json.dumps(_without_variants(packet)) + "\n")
    for name, lines in BUILDERS.items():
        shutil.rmtree(directory / name, ignore_errors=True)
        build_site(directory, name, lines(data))
        (directory / f"{name}.nt").unlink()
    described = Path(__file__).with_name("federation.toml")
    return Path(shutil.copy(described, directory / "federation.toml"))


def build_hub(directory: Path, data: Path = DATA) -> Hub:
    """Compile the hub: MONDO, HPO, HGNC, and Mondo's exact, broad and narrow mappings.

    Args:
        directory: where it goes; it is made if need be.
        data: the reference data.

    Returns:
        The hub.
    """
    hub = import_files(hub_files(data)).hub
    write_hub(hub, directory)
    return hub


def hub_files(data: Path = DATA) -> list[Path]:
    """Name the files that go into the hub."""
    mappings = data / "mondo" / "mappings"
    return [
        data / "ontologies-json" / "MONDO-ontology-v2026-05-05.json.zst",
        data / "hpo" / "hp.obo.gz",
        data / "hgnc" / "hgnc_complete_set.txt.gz",
        *(
            path
            for match in ("exact", "broad", "narrow")
            for path in sorted(mappings.glob(f"mondo_{match}match_*.sssom.tsv.gz"))
        ),
    ]


def person(number: int) -> str:
    """Name one of the clinic's persons, by the place of its phenopacket in the file."""
    return f"{_A}person/{number}"


def pseudonym(packet: Mapping[str, Any]) -> str:
    """Name one of the laboratory's persons: nobody without the key can tell who it is."""
    digest = hmac.new(_KEY, packet["id"].encode(), hashlib.sha256).hexdigest()
    return f"{_C}person/{digest[:20]}"


def _without_variants(packet: dict[str, Any]) -> dict[str, Any]:
    shown = []
    for each in packet["interpretations"]:
        diagnosis = {k: v for k, v in each["diagnosis"].items() if k != "genomicInterpretations"}
        shown.append({**each, "diagnosis": diagnosis})
    return {**packet, "interpretations": shown}


def _genomic(packet: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for each in packet["interpretations"]:
        for genomic in each["diagnosis"].get("genomicInterpretations", ()):
            yield genomic["variantInterpretation"]["variationDescriptor"]


def _clinic(data: Path) -> Iterator[str]:
    words = f"{_A}terms#"
    for number, packet in enumerate(read_phenopackets(data)):
        subject = person(number)
        yield _link(subject, f"{_DCT}isPartOf", "https://sites.example/A")
        yield _text(subject, f"{words}sex", packet["subject"].get("sex", "UNKNOWN_SEX"))
        for each in packet["interpretations"]:
            code = each["diagnosis"]["disease"]["id"]
            yield _link(subject, f"{words}disease", f"https://omim.org/entry/{_local(code)}")
            yield _text(subject, f"{words}diseaseId", code)
        for feature in packet.get("phenotypicFeatures", ()):
            name = "excludedFeature" if feature.get("excluded") else "feature"
            yield _link(subject, words + name, f"{_OBO}HP_{_local(feature['type']['id'])}")


def _registry(data: Path) -> Iterator[str]:
    words = f"{_B}terms#"
    for code, terms in read_phenotypes(data).items():
        subject = f"{_B}disorder/{_local(code)}"
        yield _link(subject, f"{_DCT}isPartOf", "https://sites.example/B")
        yield _link(
            subject, f"{words}disorder", f"http://www.orpha.net/ORDO/Orphanet_{_local(code)}"
        )
        yield _text(subject, f"{words}databaseId", code)
        for term in terms:
            yield _link(subject, f"{words}hpo", f"{_OBO}HP_{_local(term)}")
    for disease, gene in read_gene_links(data):
        subject = f"{_B}disorder/{_local(disease)}"
        yield _link(subject, f"{words}ncbiGene", f"https://www.ncbi.nlm.nih.gov/gene/{gene}")


def _laboratory(data: Path) -> Iterator[str]:
    number = 0
    for packet in read_phenopackets(data):
        for variation in _genomic(packet):
            number += 1
            whole, case, attributes = (
                f"{_C}{kind}/{number}" for kind in ("variation", "case", "attributes")
            )
            yield _link(whole, f"{_HERO}caseLevelData", case)
            yield _link(case, f"{_HERO}individual", pseudonym(packet))
            zygosity = variation["allelicState"]["id"]
            yield _link(case, f"{_HERO}zygosity", f"{_OBO}GENO_{_local(zygosity)}")
            gene = variation.get("geneContext")
            if gene:
                yield _link(whole, f"{_HERO}molecularAttributes", attributes)
                yield _text(attributes, f"{_HERO}geneID", gene["valueId"])


def _diseases(data: Path) -> Iterator[str]:
    words = f"{_D}terms#"
    for number, each in enumerate(read_associations(data)):
        subject = f"{_D}association/{number}"
        vocabulary, _, local = each.code.partition(":")
        yield _link(subject, f"{_DCT}isPartOf", "https://sites.example/D")
        yield _text(subject, f"{words}symbol", each.symbol)
        yield _text(subject, f"{words}identifier", each.code)
        yield _text(subject, f"{words}confidence", each.confidence)
        for source in each.sources:
            yield _text(subject, f"{words}source", source)
        if vocabulary == "DOID":
            yield _link(subject, f"{words}doid", f"{_OBO}DOID_{local}")
        else:
            yield _link(subject, f"{words}icd10", f"{_D}icd10/{local}")


def _cohort(data: Path) -> Iterator[str]:
    words = f"{_E}terms#"
    for individual in read_cohort(data):
        subject = f"{_E}individual/{individual['id']}"
        yield _link(subject, f"{_DCT}isPartOf", "https://sites.example/E")
        yield _link(subject, f"{words}sex", f"{_OBO}NCIT_{_local(individual['sex']['id'])}")
        for disease in individual.get("diseases", ()):
            yield _text(subject, f"{words}diseaseCode", disease["diseaseCode"]["id"])
    for number, variant in enumerate(read_variants(data)):
        subject = f"{_E}variant/{number}"
        yield _text(subject, f"{words}hgvs", variant["identifiers"]["genomicHGVSId"])
        for carrier in variant["caseLevelData"]:
            yield _link(subject, f"{words}carriedBy", f"{_E}individual/{carrier['biosampleId']}")
            if "zygosity" in carrier:
                yield _text(subject, f"{words}genotype", carrier["zygosity"]["label"])


def _trustee(data: Path) -> Iterator[str]:
    for number, packet in enumerate(read_phenopackets(data)):
        yield _link(person(number), f"{_STUDY}pseudonym", pseudonym(packet))


BUILDERS: Mapping[str, Callable[[Path], Iterator[str]]] = {
    "a": _clinic,
    "b": _registry,
    "c": _laboratory,
    "d": _diseases,
    "e": _cohort,
    "trustee": _trustee,
}
"""The sites by name, each with what makes its lines of N-Triples."""


def _local(code: str) -> str:
    return code.partition(":")[2]


def _link(subject: str, predicate: str, target: str) -> str:
    return f"<{subject}> <{predicate}> <{target}> .\n"


def _text(subject: str, predicate: str, text: str) -> str:
    return f"<{subject}> <{predicate}> {json.dumps(text)} .\n"
