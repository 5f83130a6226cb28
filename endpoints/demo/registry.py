"""The registry: Orphanet's rare diseases with their phenotypes, genes and Mondo concepts.

It holds no persons. Its annotations are the real ones, unaltered.
"""

from collections.abc import Iterator, Sequence

from endpoints.demo.dataset import LABEL, TYPE, Triple, describe_dataset
from endpoints.demo.terminologies import Terminologies
from endpoints.demo.vocabulary import (
    BIOLINK,
    BTO,
    RDF,
    RDFS,
    REGISTRY,
    SKOS,
    boolean,
    code,
    iri,
    text,
)

__all__ = ["TITLE", "choose_diseases", "describe_registry"]

TITLE = "Registry: rare diseases, their phenotypes and genes (ORPHA, HPO, HGNC)"
CONTENT = (
    "Orphanet's rare diseases with HPO annotations, frequencies and genes, all of them public "
    "knowledge. This member holds no persons; it belongs to a demonstration in which other "
    "members do."
)
SOURCES = {
    "Orphadata: Free access data from Orphanet, © INSERM 1999": "CC-BY-4.0",
    "Human Phenotype Ontology, release 2025-01-16": "HPO licence, https://hpo.jax.org/license",
    "Mondo Disease Ontology and its mappings": "CC-BY-4.0",
    "HGNC": "CC0-1.0",
}

DISEASE, GENE = iri(BTO, "DiseaseDisorderOrFinding"), iri(BTO, "Gene")
ASSOCIATION = iri(BIOLINK, "DiseaseToPhenotypicFeatureAssociation")
SUBJECT, OBJECT = iri(RDF, "subject"), iri(RDF, "object")
FREQUENCY, NEGATED = iri(BIOLINK, "frequency_qualifier"), iri(BIOLINK, "negated")
CAUSES = iri(BIOLINK, "gene_associated_with_condition")
EXACT_MATCH, SUBCLASS_OF = iri(SKOS, "exactMatch"), iri(RDFS, "subClassOf")


def choose_diseases(terminologies: Terminologies, scale: float) -> list[str]:
    """Choose the registry's diseases: all of them, or an even share of a smaller registry."""
    diseases = sorted(name for name in terminologies.diseases if name.startswith("ORPHA:"))
    count = max(1, round(len(diseases) * scale))
    return [diseases[place * len(diseases) // count] for place in range(count)]


def describe_registry(diseases: Sequence[str], terminologies: Terminologies) -> Iterator[Triple]:
    """Give everything the registry holds."""
    yield from describe_dataset(REGISTRY, TITLE, CONTENT, SOURCES)
    genes: set[str] = set()
    phenotypes: set[str] = set()
    for disease in diseases:
        yield code(disease), TYPE, DISEASE
        yield code(disease), LABEL, text(terminologies.diseases[disease])
        yield from _describe_annotations(disease, terminologies, phenotypes)
        for gene in terminologies.disease_genes.get(disease, ()):
            genes.add(gene)
            yield code(gene), CAUSES, code(disease)
    yield from _describe_genes(sorted(genes), terminologies)
    yield from _describe_matches(diseases, terminologies)
    for term in sorted(terminologies.hpo.close(phenotypes)):
        yield code(term), LABEL, text(terminologies.hpo.labels[term])
        for parent in terminologies.hpo.parents[term]:
            yield code(term), SUBCLASS_OF, code(parent)


def _describe_annotations(
    disease: str, terminologies: Terminologies, phenotypes: set[str]
) -> Iterator[Triple]:
    for row in terminologies.annotations[disease]:
        # The polarity is part of the name: HPO may both state and deny a feature.
        sign = "not-" if row.negated else ""
        name = f"annotation/{disease[6:]}-{sign}{row.hpo[3:]}"
        annotation = iri(REGISTRY, name)
        phenotypes.add(row.hpo)
        yield annotation, TYPE, ASSOCIATION
        yield annotation, SUBJECT, code(disease)
        yield annotation, OBJECT, code(row.hpo)
        if row.negated:
            yield annotation, NEGATED, boolean(True)
        if row.frequency_class:
            phenotypes.add(row.frequency_class)
            yield annotation, FREQUENCY, code(row.frequency_class)


def _describe_genes(genes: Sequence[str], terminologies: Terminologies) -> Iterator[Triple]:
    for gene in genes:
        yield code(gene), TYPE, GENE
        yield code(gene), LABEL, text(terminologies.gene_symbols[gene])


def _describe_matches(diseases: Sequence[str], terminologies: Terminologies) -> Iterator[Triple]:
    concepts: set[str] = set()
    for disease in diseases:
        for concept in terminologies.mondo_of.get(disease, ()):
            concepts.add(concept)
            yield code(disease), EXACT_MATCH, code(concept)
    for concept, predicate, foreign in terminologies.mappings:
        if (
            concept in concepts
            and predicate == "skos:exactMatch"
            and foreign in terminologies.icd_labels
        ):
            yield code(concept), EXACT_MATCH, code(foreign)
