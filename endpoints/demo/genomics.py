"""The genomics site: variants of the clinic's patients. It knows pseudonyms and genes, no diseases.

Variants are made up, a handful for each gene; so they have no coordinates that could be taken for
real ones, only their gene, its chromosome, an effect and a clinical relevance.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from endpoints.demo.dataset import LABEL, TYPE, Triple, describe_dataset
from endpoints.demo.drawing import Draw
from endpoints.demo.patients import Carried, Patient
from endpoints.demo.terminologies import Terminologies
from endpoints.demo.vocabulary import (
    BTO,
    GENOMICS,
    HERO,
    PERSON,
    code,
    iri,
    language_text,
    text,
)

__all__ = ["TITLE", "ZYGOSITY_LABELS", "describe_variants", "rate_variant"]

TITLE = "Genomics: variants of the clinic's synthetic patients (HGNC, GENO)"
CONTENT = (
    "Made-up variants of patients who are known here by pseudonym alone, with HGNC genes and "
    "GENO zygosity."
)
SOURCES = {"HGNC": "CC0-1.0", "Genotype Ontology, Sequence Ontology": "CC-BY-4.0"}

ZYGOSITY_LABELS: Mapping[str, str] = {
    "GENO:0000134": "hemizygous",
    "GENO:0000135": "heterozygous",
    "GENO:0000136": "homozygous",
    "GENO:0000603": "heteroplasmic",
}
EFFECT_LABELS: Mapping[str, str] = {
    "SO:0001574": "splice_acceptor_variant",
    "SO:0001575": "splice_donor_variant",
    "SO:0001583": "missense_variant",
    "SO:0001587": "stop_gained",
    "SO:0001589": "frameshift_variant",
    "SO:0001819": "synonymous_variant",
}
DAMAGING = (
    "SO:0001583",
    "SO:0001583",
    "SO:0001587",
    "SO:0001589",
    "SO:0001574",
    "SO:0001575",
)
MILD = ("SO:0001583", "SO:0001819", "SO:0001819")

CHROMOSOME_NAME = re.compile("[0-9]+|X|Y|mitochondria")

LAST_CAUSAL = 6
"""A gene's variants up to this number cause its disease; the others are incidental."""

VARIATION, CASE = iri(HERO, "GenomicVariation"), iri(HERO, "CaseLevelVariant")
ATTRIBUTE, EFFECT = iri(HERO, "MolecularAttribute"), iri(HERO, "PhenoClinicEffect")
GENE, GENOMIC_FEATURE = iri(BTO, "Gene"), iri(HERO, "genomicFeature")
INTERNAL_ID, CASE_LEVEL_DATA = iri(HERO, "variantInternalID"), iri(HERO, "caseLevelData")
MOLECULAR_ATTRIBUTES = iri(HERO, "molecularAttributes")
MOLECULAR_EFFECT, GENE_ID = iri(HERO, "molecularEffect"), iri(HERO, "geneID")
INDIVIDUAL, ZYGOSITY = iri(HERO, "individual"), iri(HERO, "zygosity")
INTERPRETATION = iri(HERO, "clinicalInterpretation")
RELEVANCE = iri(HERO, "clinicalRelevance")
LOCATION, CHROMOSOME = iri(HERO, "ChromosomeLocation"), iri(HERO, "locationChr")
IS_LOCATED = iri(HERO, "location")


def rate_variant(gene: str, number: int) -> tuple[str, str]:
    """Give a variant's molecular effect (Sequence Ontology) and its ACMG class.

    Both belong to the variant: whoever carries it, they are the same.
    """
    draw = Draw("variant", gene, number)
    if number <= LAST_CAUSAL:
        return draw.pick(DAMAGING), draw.pick(("Pathogenic", "Pathogenic", "Likely Pathogenic"))
    return draw.pick(MILD), draw.pick(("Benign", "Likely Benign", "Uncertain Significance"))


def describe_variants(
    patients: Iterable[Patient], terminologies: Terminologies
) -> Iterator[Triple]:
    """Give everything the genomics site holds."""
    yield from describe_dataset(GENOMICS, TITLE, CONTENT, SOURCES)
    genes: dict[str, set[int]] = defaultdict(set)
    zygosities: set[str] = set()
    effects: set[str] = set()
    for patient in patients:
        for variant in patient.variants:
            genes[variant.gene].add(variant.number)
            zygosities.add(variant.zygosity)
            yield from _describe_case(patient, variant, terminologies)
    for gene in sorted(genes):
        symbol = terminologies.gene_symbols[gene]
        yield code(gene), TYPE, GENE
        yield code(gene), LABEL, text(symbol)
        for number in sorted(genes[gene]):
            effects.add(rate_variant(gene, number)[0])
            yield from _describe_variation(gene, number, symbol)
        yield from _describe_location(gene, symbol, sorted(genes[gene]), terminologies)
    for zygosity in sorted(zygosities):
        yield code(zygosity), LABEL, text(ZYGOSITY_LABELS[zygosity])
    for effect in sorted(effects):
        yield code(effect), LABEL, text(EFFECT_LABELS[effect])


def _name(symbol: str, number: int) -> str:
    return f"{symbol}-sim{number}"


def _describe_case(
    patient: Patient, variant: Carried, terminologies: Terminologies
) -> Iterator[Triple]:
    name = _name(terminologies.gene_symbols[variant.gene], variant.number)
    local = f"{patient.pseudonym}-{name}"
    case, effect = iri(GENOMICS, f"case/{local}"), iri(GENOMICS, f"interpretation/{local}")
    yield iri(GENOMICS, f"variation/{name}"), CASE_LEVEL_DATA, case
    yield case, TYPE, CASE
    yield case, INDIVIDUAL, iri(PERSON, patient.pseudonym)
    yield case, ZYGOSITY, code(variant.zygosity)
    yield case, INTERPRETATION, effect
    yield effect, TYPE, EFFECT
    yield effect, RELEVANCE, language_text(rate_variant(variant.gene, variant.number)[1], "en")


def _describe_variation(gene: str, number: int, symbol: str) -> Iterator[Triple]:
    name = _name(symbol, number)
    variation = iri(GENOMICS, f"variation/{name}")
    attribute = iri(GENOMICS, f"attribute/{name}")
    yield variation, TYPE, VARIATION
    yield variation, INTERNAL_ID, text(name)
    yield variation, MOLECULAR_ATTRIBUTES, attribute
    yield attribute, TYPE, ATTRIBUTE
    yield attribute, GENE_ID, text(symbol)
    yield attribute, GENOMIC_FEATURE, code(gene)
    yield attribute, MOLECULAR_EFFECT, code(rate_variant(gene, number)[0])


def _describe_location(
    gene: str, symbol: str, numbers: Iterable[int], terminologies: Terminologies
) -> Iterator[Triple]:
    match = CHROMOSOME_NAME.match(terminologies.gene_locations[gene])
    if match is None:
        return
    chromosome = "MT" if match.group() == "mitochondria" else match.group()
    location = iri(GENOMICS, f"location/{symbol}")
    yield location, TYPE, LOCATION
    yield location, CHROMOSOME, text(chromosome)
    for number in numbers:
        yield iri(GENOMICS, f"variation/{_name(symbol, number)}"), IS_LOCATED, location
