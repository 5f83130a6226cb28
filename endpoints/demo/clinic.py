"""The clinic: synthetic rare-disease patients with their diseases and phenotypic features."""

from collections.abc import Iterable, Iterator

from endpoints.demo.dataset import LABEL, TYPE, Triple, describe_dataset
from endpoints.demo.patients import Patient
from endpoints.demo.terminologies import Terminologies
from endpoints.demo.vocabulary import (
    BTO,
    CLINIC,
    HERO,
    PERSON,
    PHENOPACKETS,
    boolean,
    code,
    iri,
    text,
    typed,
)

__all__ = ["TITLE", "describe_patients"]

TITLE = "Clinic: synthetic rare-disease patients (OMIM, HPO)"
CONTENT = "Rare-disease patients of a clinic, coded in OMIM and HPO."
SOURCES = {
    "Human Phenotype Ontology, release 2025-01-16": "HPO licence, https://hpo.jax.org/license",
    "OMIM entry numbers and names": "OMIM is a registered trademark of Johns Hopkins University",
}

PATIENT, DISEASE = iri(BTO, "Patient"), iri(BTO, "DiseaseDisorderOrFinding")
ONSET, DIAGNOSIS = iri(BTO, "Onset"), iri(BTO, "Diagnosis")
SEX, BIRTH_YEAR = iri(BTO, "sex"), iri(BTO, "birthYear")
HAS_DISEASE, UNDERGO = iri(BTO, "hasDisease"), iri(BTO, "undergo")
AGE_ONSET, EVENT_START = iri(BTO, "ageOnset"), iri(BTO, "eventStart")
PACKET, SUBJECT = iri(PHENOPACKETS, "Phenopacket"), iri(PHENOPACKETS, "subject")
PHENOTYPIC_FEATURES = iri(PHENOPACKETS, "phenotypicFeatures")
FEATURE, FEATURE_TYPE = iri(HERO, "PhenotypicFeature"), iri(HERO, "featureType")
FEATURE_EXCLUDED = iri(HERO, "featureExcluded")


def describe_patients(
    patients: Iterable[Patient], terminologies: Terminologies
) -> Iterator[Triple]:
    """Give everything the clinic holds."""
    yield from describe_dataset(CLINIC, TITLE, CONTENT, SOURCES)
    diseases: set[str] = set()
    phenotypes: set[str] = set()
    for patient in patients:
        diseases.add(patient.disease)
        phenotypes.update(feature.hpo for feature in patient.features)
        yield from _describe_person(patient)
        yield from _describe_features(patient)
    for disease in sorted(diseases):
        yield code(disease), TYPE, DISEASE
        yield code(disease), LABEL, text(terminologies.diseases[disease])
    for phenotype in sorted(phenotypes):
        yield code(phenotype), LABEL, text(terminologies.hpo.labels[phenotype])


def _describe_person(patient: Patient) -> Iterator[Triple]:
    person = iri(PERSON, patient.pseudonym)
    diagnosis = iri(CLINIC, f"diagnosis/{patient.pseudonym}")
    yield person, TYPE, PATIENT
    yield person, SEX, text("female" if patient.female else "male")
    yield person, BIRTH_YEAR, typed(str(patient.birth_year), "gYear")
    yield person, HAS_DISEASE, code(patient.disease)
    yield person, UNDERGO, diagnosis
    yield diagnosis, TYPE, DIAGNOSIS
    yield diagnosis, EVENT_START, typed(patient.diagnosed, "date")
    if patient.onset is not None:
        onset = iri(CLINIC, f"onset/{patient.pseudonym}")
        yield person, UNDERGO, onset
        yield onset, TYPE, ONSET
        yield onset, AGE_ONSET, typed(f"{round(patient.onset / 12, 1):g}", "float")


def _describe_features(patient: Patient) -> Iterator[Triple]:
    packet = iri(CLINIC, f"packet/{patient.pseudonym}")
    yield packet, TYPE, PACKET
    yield packet, SUBJECT, iri(PERSON, patient.pseudonym)
    for found in patient.features:
        feature = iri(CLINIC, f"feature/{patient.pseudonym}-{found.hpo[3:]}")
        yield packet, PHENOTYPIC_FEATURES, feature
        yield feature, TYPE, FEATURE
        yield feature, FEATURE_TYPE, code(found.hpo)
        yield feature, FEATURE_EXCLUDED, boolean(found.excluded)
