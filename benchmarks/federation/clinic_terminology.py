"""What the members of *clinic* share: codes, their names and hierarchy, genes, associations.

Diseases are Mondo's, features HPO's, genes HGNC's, out of the extracts in ``ontologies/``; tests
are a dozen LOINC codes and drugs a dozen ATC codes. Diseases and features are typed as Biolink
does, so that also engines that select sources by class find them.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from endpoints.demo.dataset import LABEL, TYPE, Triple
from endpoints.demo.drawing import Draw
from endpoints.demo.terminologies import Hierarchy, Terminologies, read_terminologies
from endpoints.demo.vocabulary import BIOLINK, CODES, OBO, RDFS, SKOS, code, iri, text

__all__ = [
    "ATC",
    "DRUGS",
    "LOINC",
    "SHARED",
    "TESTS",
    "VARIATION",
    "Terminology",
    "read_terminology",
]

ATC = "http://purl.bioontology.org/ontology/ATC/"
LOINC = "https://loinc.org/rdf/"
VARIATION = "https://hereditary.example/variation/"
"""Names of variations, which are no secret: laboratories share them."""

SHARED = (OBO, CODES["HGNC"], ATC, LOINC, VARIATION)

TESTS: Mapping[str, tuple[str, str, float, float]] = {
    "1742-6": ("Alanine aminotransferase", "U/L", 7, 56),
    "1975-2": ("Bilirubin", "mg/dL", 0.1, 1.2),
    "2085-9": ("Cholesterol in HDL", "mg/dL", 40, 60),
    "2157-6": ("Creatine kinase", "U/L", 30, 200),
    "2160-0": ("Creatinine", "mg/dL", 0.6, 1.3),
    "2345-7": ("Glucose", "mg/dL", 70, 140),
    "2823-3": ("Potassium", "mmol/L", 3.5, 5.1),
    "2951-2": ("Sodium", "mmol/L", 136, 145),
    "4548-4": ("Hemoglobin A1c", "%", 4, 9),
    "6690-2": ("Leukocytes", "10*3/uL", 4, 11),
    "718-7": ("Hemoglobin", "g/dL", 12, 17),
    "777-3": ("Platelets", "10*3/uL", 150, 450),
}
"""LOINC code → name, unit and the range that values are drawn from."""

DRUGS: Mapping[str, str] = {
    "A02BC01": "omeprazole",
    "A10BA02": "metformin",
    "C10AA05": "atorvastatin",
    "H02AB06": "prednisolone",
    "J01CA04": "amoxicillin",
    "M03BX01": "baclofen",
    "N03AF01": "carbamazepine",
    "N03AG01": "valproic acid",
    "N04BA02": "levodopa and decarboxylase inhibitor",
    "N06AB03": "fluoxetine",
    "N07XX02": "riluzole",
    "N07XX06": "tetrabenazine",
}
"""ATC code → name."""

DISEASES = 160
FEATURES = 6
"""At most so many features of a disease."""

SUBCLASS, BROADER = iri(RDFS, "subClassOf"), iri(SKOS, "broaderTransitive")
DISEASE, FEATURE = iri(BIOLINK, "Disease"), iri(BIOLINK, "PhenotypicFeature")
GENE, DRUG = iri(BIOLINK, "Gene"), iri(BIOLINK, "Drug")
TEST = iri(BIOLINK, "ClinicalMeasurement")
HAS_PHENOTYPE = iri(BIOLINK, "has_phenotype")
GENE_OF = iri(BIOLINK, "gene_associated_with_condition")


@dataclass(frozen=True)
class Terminology:
    """The drawn part of the terminologies; everything is keyed by CURIE.

    Attributes:
        diseases: Mondo's, the frequent ones first.
        features: disease → its features.
        genes: disease → its genes.
        source: the whole extracts.
    """

    diseases: Sequence[str]
    features: Mapping[str, Sequence[str]]
    genes: Mapping[str, Sequence[str]]
    source: Terminologies

    @cached_property
    def cumulative(self) -> list[int]:
        """Running sums of the diseases' weights: the n-th is a third as rare at n = 30."""
        sums, total = [], 0
        for rank in range(len(self.diseases)):
            total += 3000 // (rank + 15)
            sums.append(total)
        return sums

    def describe(self) -> Iterator[Triple]:
        """Give all that the terminology server holds."""
        yield from self.describe_diseases()
        for disease in self.diseases:
            for ancestor in sorted(self.source.mondo.ancestors(disease)):
                yield code(disease), BROADER, code(ancestor)
            for feature in self.features[disease]:
                yield code(disease), HAS_PHENOTYPE, code(feature)
            for gene in self.genes[disease]:
                yield code(gene), GENE_OF, code(disease)
        used = {feature for found in self.features.values() for feature in found}
        yield from _describe_hierarchy(self.source.hpo, self.source.hpo.close(used), FEATURE)
        for gene in sorted({gene for found in self.genes.values() for gene in found}):
            yield from self.describe_gene(gene)
        for test in TESTS:
            yield from describe_test(test)
        for drug in DRUGS:
            yield from describe_drug(drug)

    def describe_diseases(self) -> Iterator[Triple]:
        """Give the diseases with everything above them."""
        mondo = self.source.mondo
        yield from _describe_hierarchy(mondo, mondo.close(self.diseases), DISEASE)

    def describe_gene(self, gene: str) -> Iterator[Triple]:
        """Give a gene's class and symbol."""
        yield code(gene), TYPE, GENE
        yield code(gene), LABEL, text(self.source.gene_symbols[gene])

    def name_codes(self, codes: set[str]) -> Iterator[Triple]:
        """Give classes and names of diseases and features, as the terminology server does."""
        for curie in sorted(codes):
            hierarchy, kind = (
                (self.source.mondo, DISEASE)
                if curie.startswith("MONDO:")
                else (self.source.hpo, FEATURE)
            )
            yield code(curie), TYPE, kind
            yield code(curie), LABEL, text(hierarchy.labels[curie])


def describe_test(test: str) -> Iterator[Triple]:
    """Give a test's class and name."""
    yield iri(LOINC, test), TYPE, TEST
    yield iri(LOINC, test), LABEL, text(TESTS[test][0])


def describe_drug(drug: str) -> Iterator[Triple]:
    """Give a drug's class and name."""
    yield iri(ATC, drug), TYPE, DRUG
    yield iri(ATC, drug), LABEL, text(DRUGS[drug])


def _describe_hierarchy(hierarchy: Hierarchy, terms: set[str], kind: str) -> Iterator[Triple]:
    for term in sorted(terms):
        yield code(term), TYPE, kind
        yield code(term), LABEL, text(hierarchy.labels[term])
        for parent in hierarchy.parents.get(term, ()):
            yield code(term), SUBCLASS, code(parent)


@cache
def read_terminology(seed: int) -> Terminology:
    """Draw diseases that have genes and features; reading the extracts needs two seconds."""
    source = read_terminologies()
    features: dict[str, tuple[str, ...]] = {}
    genes: dict[str, list[str]] = defaultdict(list)
    for disease in sorted(source.annotations):
        concepts = source.mondo_of.get(disease, ())
        found = [
            row.hpo
            for row in source.annotations[disease]
            if row.aspect == "P" and not row.negated and row.hpo in source.hpo.labels
        ]
        linked = [
            gene for gene in source.disease_genes.get(disease, ()) if gene in source.gene_symbols
        ]
        if len(concepts) != 1 or concepts[0] in features or len(found) < FEATURES or not linked:
            continue
        if concepts[0] in source.mondo.labels:
            features[concepts[0]] = tuple(dict.fromkeys(found))[:FEATURES]
            genes[concepts[0]] = linked[:2]
    draw = Draw("clinic", seed, "diseases")
    ranked = sorted(features, key=lambda _: draw.between(0, 1 << 40))
    drawn = tuple(ranked[:DISEASES])
    return Terminology(
        drawn,
        {disease: features[disease] for disease in drawn},
        {disease: genes[disease] for disease in drawn},
        source,
    )
