"""The cohort: synthetic persons with visits and diagnoses in ICD-10-CM."""

from collections.abc import Iterable, Iterator

from endpoints.demo.dataset import LABEL, TYPE, Triple, describe_dataset
from endpoints.demo.persons import Person
from endpoints.demo.terminologies import Terminologies
from endpoints.demo.vocabulary import BTO, COHORT, SKOS, code, iri, text, typed

__all__ = ["TITLE", "describe_persons"]

TITLE = "Cohort: synthetic persons with visits (ICD-10-CM)"
CONTENT = (
    "Persons of a population cohort with sex, year of birth, visits and diagnoses in ICD-10-CM. "
    "How common a diagnosis is in it was drawn at random."
)
SOURCES = {
    "ICD-10-CM codes and titles": "US National Center for Health Statistics, public domain",
}

PATIENT, EVENT = iri(BTO, "Patient"), iri(BTO, "Event")
COMORBIDITY, DISEASE = iri(BTO, "Comorbidity"), iri(BTO, "DiseaseDisorderOrFinding")
SEX, BIRTH_YEAR = iri(BTO, "sex"), iri(BTO, "birthYear")
HAS_DISEASE, UNDERGO = iri(BTO, "hasDisease"), iri(BTO, "undergo")
EVENT_START = iri(BTO, "eventStart")
REGISTERED = iri(BTO, "hasRegisteredCondition")
DETERMINED_BY, CONDITION_START = iri(BTO, "determinedBy"), iri(BTO, "conditionStart")
NOTATION = iri(SKOS, "notation")


def describe_persons(persons: Iterable[Person], terminologies: Terminologies) -> Iterator[Triple]:
    """Give everything the cohort holds."""
    yield from describe_dataset(COHORT, TITLE, CONTENT, SOURCES)
    codes: set[str] = set()
    for person in persons:
        codes.update(condition.code for condition in person.conditions)
        yield from _describe_person(person)
    for diagnosis in sorted(codes):
        yield code(diagnosis), TYPE, DISEASE
        yield code(diagnosis), LABEL, text(terminologies.icd_labels[diagnosis])
        yield code(diagnosis), NOTATION, text(diagnosis.partition(":")[2])


def _describe_person(person: Person) -> Iterator[Triple]:
    who = iri(COHORT, f"person/{person.pseudonym}")
    yield who, TYPE, PATIENT
    yield who, SEX, text("female" if person.female else "male")
    yield who, BIRTH_YEAR, typed(str(person.birth_year), "gYear")
    conditions = []
    for place, condition in enumerate(person.conditions):
        node = iri(COHORT, f"condition/{person.pseudonym}-{place}")
        conditions.append(node)
        yield who, HAS_DISEASE, code(condition.code)
        yield node, TYPE, COMORBIDITY
        yield node, DETERMINED_BY, code(condition.code)
        yield node, CONDITION_START, typed(condition.start, "date")
    for place, visit in enumerate(person.visits):
        node = iri(COHORT, f"visit/{person.pseudonym}-{place}")
        yield who, UNDERGO, node
        yield node, TYPE, EVENT
        yield node, EVENT_START, typed(visit.date, "date")
        for registered in visit.registered:
            yield node, REGISTERED, conditions[registered]
