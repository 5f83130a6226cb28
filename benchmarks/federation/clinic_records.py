"""Records of hospitals and laboratories in *clinic*.

Classes and properties are HERO's, the HEREDITARY ontology: a patient undergoes evaluations, and
an evaluation consists of diagnoses, measurements and treatments. The names of all of these are
local to the hospital. ``owl:sameAs`` ties a patient to a pseudonym, by which laboratories and
other hospitals know the same person.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from benchmarks.federation.clinic_terminology import (
    ATC,
    DRUGS,
    LOINC,
    TESTS,
    VARIATION,
    Terminology,
    describe_drug,
    describe_test,
)
from endpoints.demo.dataset import TYPE, Triple
from endpoints.demo.drawing import Draw, make_pseudonym
from endpoints.demo.vocabulary import BTO, HERO, PERSON, boolean, code, iri, text, typed

__all__ = ["Hospital", "Laboratory", "Person", "share_persons"]

KNOWN_ELSEWHERE = 0.6
"""The share of patients with a pseudonym, and so of persons whom a laboratory may know."""
TREATED_TWICE = 0.15
"""The share of these who are patients of a second hospital as well."""
SEQUENCED = 0.8
"""The share of these whose variants a laboratory knows; a tenth are known to two."""

PATIENT, SAME_AS = iri(BTO, "Patient"), iri("http://www.w3.org/2002/07/owl#", "sameAs")
SEX, BIRTH_YEAR, ALIVE = iri(BTO, "sex"), iri(BTO, "birthYear"), iri(BTO, "alive")
HAS_DISEASE, UNDERGO, CONSISTS = iri(BTO, "hasDisease"), iri(BTO, "undergo"), iri(BTO, "consists")
EVALUATION, START = iri(BTO, "ClinicalEvaluation"), iri(BTO, "eventStart")
HEIGHT, WEIGHT = iri(BTO, "height"), iri(BTO, "weight")
DIAGNOSIS, DISEASE_CODE = iri(BTO, "Diagnosis"), iri(HERO, "diseaseCode")
CRITERIA = iri(BTO, "diagnosticCriteria")
MEASUREMENT, ASSAY = iri(HERO, "Measurement"), iri(HERO, "assay")
VALUE, UNIT, DATE = (
    iri(HERO, "measurementValue"),
    iri(HERO, "measurementUOM"),
    iri(HERO, "measurementDate"),
)
TREATMENT, SUBSTANCE = iri(BTO, "TherapeuticTreatment"), iri(BTO, "pharmacologicSubstance")
DOSE = iri(BTO, "adminstrationDose")
"""HERO spells it so."""
FEATURE, HAS_FEATURE = iri(HERO, "PhenotypicFeature"), iri(HERO, "phenotypicFeature")
FEATURE_TYPE, EXCLUDED = iri(HERO, "featureType"), iri(HERO, "featureExcluded")

OPTIONAL_FIELDS: Mapping[str, tuple[float, Sequence[str]]] = {
    "educationLevel": (0.7, ("primary", "secondary", "tertiary")),
    "maritalStatus": (0.6, ("single", "married", "divorced", "widowed")),
    "dextricity": (0.4, ("right-handed", "left-handed")),
    "menopauseStatus": (0.2, ("before", "after")),
    "alcoholUse": (0.3, ("never", "sometimes", "daily")),
    "dailyCigarettes": (0.3, ("none", "up to 10", "more than 10")),
    "diet": (0.2, ("mixed", "vegetarian", "vegan")),
    "residence": (0.5, ("city", "town", "village")),
}
"""Texts of a patient that are often missing: the share of patients, and what they say."""

PERSON_CLASS = iri("http://www.w3.org/2000/10/swap/pim/contact#", "Person")
CASE, INDIVIDUAL, ZYGOSITY = (
    iri(HERO, "CaseLevelVariant"),
    iri(HERO, "individual"),
    iri(HERO, "zygosity"),
)
VARIATION_CLASS, CASE_DATA = iri(HERO, "GenomicVariation"), iri(HERO, "caseLevelData")
GENOMIC_FEATURE, EFFECT = iri(HERO, "genomicFeature"), iri(HERO, "molecularEffect")
RELEVANCE, CHROMOSOME = iri(HERO, "clinicalRelevance"), iri(HERO, "locationChr")
SAMPLE, COLLECTED, STATUS = (
    iri(HERO, "Biosample"),
    iri(HERO, "biosampleCollectionDate"),
    iri(HERO, "biosampleStatus"),
)
ZYGOSITIES = ("GENO:0000135", "GENO:0000135", "GENO:0000136")
EFFECTS = ("SO:0001583", "SO:0001587", "SO:0001589", "SO:0001819")
RELEVANCES = ("Pathogenic", "Likely Pathogenic", "Uncertain Significance", "Benign")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is known at more than one place.

    Attributes:
        pseudonym: the local part of the IRI that all places share.
        disease: the disease's code.
        hospitals: the numbers of the hospitals, with the patient's number at each.
        laboratories: the numbers of the laboratories that know variants.
    """

    pseudonym: str
    disease: str
    hospitals: tuple[tuple[int, int], ...]
    laboratories: tuple[int, ...]


def share_persons(
    seed: int, terminology: Terminology, hospitals: int, patients: int, laboratories: int
) -> list[list["Person | None"]]:
    """Draw who the patients of each hospital are elsewhere.

    Returns:
        For each hospital its patients, in order; None stands for somebody known nowhere else.
    """
    found: list[list[Person | None]] = [[None] * patients for _ in range(hospitals)]
    for hospital in range(hospitals):
        for number in range(patients):
            draw = Draw("clinic", seed, "person", hospital, number)
            if found[hospital][number] is not None or not draw.chance(KNOWN_ELSEWHERE):
                continue
            places = [(hospital, number)]
            other = draw.between(0, hospitals - 1)
            # Only who has not been drawn yet can turn out to be the same person.
            if draw.chance(TREATED_TWICE) and other > hospital and found[other][number] is None:
                places.append((other, number))
            known = draw.between(0, laboratories - 1) if draw.chance(SEQUENCED) else None
            second = (draw.between(0, laboratories - 1),) if draw.chance(0.1) else ()
            person = Person(
                make_pseudonym("clinic", seed, hospital, number),
                draw.pick_weighted(terminology.diseases, terminology.cumulative),
                tuple(places),
                () if known is None else tuple(dict.fromkeys((known, *second))),
            )
            for place, local in places:
                found[place][local] = person
    return found


@dataclass(frozen=True)
class Hospital:
    """A hospital's own statements.

    Attributes:
        seed: what all draws depend on.
        number: which hospital it is, from 0.
        terminology: what it codes with.
        patients: who each of its patients is elsewhere.
    """

    seed: int
    number: int
    terminology: Terminology
    patients: Sequence[Person | None]

    @cached_property
    def base(self) -> str:
        """The namespace of everything that is named here."""
        return f"https://hospital-{self.number + 1}.hereditary.example/"

    def describe(self) -> Iterator[Triple]:
        """Give all that the hospital itself wrote, and names of the codes that it uses."""
        codes: set[str] = set()
        for record in self.records():
            yield from record
        for number in range(len(self.patients)):
            codes.update(self._diseases(number), self._features(number))
        yield from self.terminology.name_codes(codes)
        for test in TESTS:
            yield from describe_test(test)
        for drug in DRUGS:
            yield from describe_drug(drug)

    def records(self) -> Iterator[list[Triple]]:
        """Give each patient's statements together."""
        for number in range(len(self.patients)):
            yield [
                *self._describe_patient(number),
                *self._describe_features(number),
                *self._describe_evaluations(number),
            ]

    def _draw(self, kind: str, number: int) -> Draw:
        return Draw("clinic", self.seed, self.number, kind, number)

    def _diseases(self, number: int) -> tuple[str, ...]:
        draw = self._draw("diseases", number)
        person = self.patients[number]
        pick = lambda: draw.pick_weighted(  # noqa: E731
            self.terminology.diseases, self.terminology.cumulative
        )
        first = person.disease if person else pick()
        return tuple(dict.fromkeys((first, pick()))) if draw.chance(0.2) else (first,)

    def _features(self, number: int) -> Mapping[str, bool]:
        draw = self._draw("features", number)
        return {
            feature: draw.chance(0.15)
            for disease in self._diseases(number)
            for feature in self.terminology.features[disease]
            if draw.chance(0.6)
        }

    def _describe_patient(self, number: int) -> Iterator[Triple]:
        draw = self._draw("patient", number)
        patient, person = iri(self.base, f"patient/{number}"), self.patients[number]
        yield patient, TYPE, PATIENT
        yield patient, SEX, text(draw.pick(("female", "male")))
        yield patient, BIRTH_YEAR, typed(str(draw.between(1930, 2015)), "gYear")
        yield patient, ALIVE, boolean(draw.chance(0.9))
        if person is not None:
            yield patient, SAME_AS, iri(PERSON, person.pseudonym)
        for disease in self._diseases(number):
            yield patient, HAS_DISEASE, code(disease)
        for field, (share, values) in OPTIONAL_FIELDS.items():
            if draw.chance(share):
                yield patient, iri(BTO, field), text(draw.pick(values))

    def _describe_features(self, number: int) -> Iterator[Triple]:
        patient = iri(self.base, f"patient/{number}")
        for feature, excluded in self._features(number).items():
            found = iri(self.base, f"feature/{number}-{feature[3:]}")
            yield patient, HAS_FEATURE, found
            yield found, TYPE, FEATURE
            yield found, FEATURE_TYPE, code(feature)
            yield found, EXCLUDED, boolean(excluded)

    def _describe_evaluations(self, number: int) -> Iterator[Triple]:
        draw = self._draw("evaluations", number)
        patient = iri(self.base, f"patient/{number}")
        diseases = self._diseases(number)
        for visit in range(draw.between(1, 4)):
            local = f"{number}-{visit}"
            evaluation = iri(self.base, f"evaluation/{local}")
            date = f"{2015 + visit * 2}-{draw.between(1, 12):02}-{draw.between(1, 28):02}"
            yield patient, UNDERGO, evaluation
            yield evaluation, TYPE, EVALUATION
            yield evaluation, START, typed(date, "date")
            if draw.chance(0.7):
                yield evaluation, HEIGHT, typed(str(draw.between(120, 200)), "integer")
                yield evaluation, WEIGHT, typed(str(draw.between(40, 120)), "integer")
            if visit < len(diseases):
                yield from self._diagnose(evaluation, local, diseases[visit], draw)
            yield from self._measure(evaluation, local, date, draw)
            if draw.chance(0.6):
                yield from self._treat(evaluation, local, date, draw)

    def _diagnose(self, evaluation: str, local: str, disease: str, draw: Draw) -> Iterator[Triple]:
        diagnosis = iri(self.base, f"diagnosis/{local}")
        yield evaluation, CONSISTS, diagnosis
        yield diagnosis, TYPE, DIAGNOSIS
        yield diagnosis, DISEASE_CODE, code(disease)
        if draw.chance(0.5):
            yield diagnosis, CRITERIA, text(draw.pick(("clinical", "genetic", "imaging")))

    def _measure(self, evaluation: str, local: str, date: str, draw: Draw) -> Iterator[Triple]:
        for test in dict.fromkeys(draw.pick(tuple(TESTS)) for _ in range(draw.between(1, 4))):
            _, unit, low, high = TESTS[test]
            measurement = iri(self.base, f"measurement/{local}-{test}")
            # Steps of a hundredth, so that the text of the decimal is the same everywhere.
            value = f"{draw.between(round(low * 100), round(high * 100)) / 100:.2f}"
            yield evaluation, CONSISTS, measurement
            yield measurement, TYPE, MEASUREMENT
            yield measurement, ASSAY, iri(LOINC, test)
            yield measurement, VALUE, typed(value, "decimal")
            yield measurement, UNIT, text(unit)
            yield measurement, DATE, typed(date, "date")

    def _treat(self, evaluation: str, local: str, date: str, draw: Draw) -> Iterator[Triple]:
        treatment = iri(self.base, f"treatment/{local}")
        yield evaluation, CONSISTS, treatment
        yield treatment, TYPE, TREATMENT
        yield treatment, SUBSTANCE, iri(ATC, draw.pick(tuple(DRUGS)))
        yield treatment, START, typed(date, "date")
        if draw.chance(0.8):
            yield treatment, DOSE, typed(str(draw.between(1, 20) * 25), "integer")


@dataclass(frozen=True)
class Laboratory:
    """A genomics laboratory, which knows persons by pseudonym alone."""

    seed: int
    number: int
    terminology: Terminology

    @cached_property
    def base(self) -> str:
        """The namespace of its cases and samples."""
        return f"https://laboratory-{self.number + 1}.hereditary.example/"

    def describe(self, hospitals: Sequence[Sequence[Person | None]]) -> Iterator[Triple]:
        """Give samples and cases of the persons whom it knows, with variations and genes."""
        persons = {person for patients in hospitals for person in patients if person is not None}
        for person in sorted(persons, key=lambda known: known.pseudonym):
            if self.number in person.laboratories:
                yield from self._describe_person(person)

    def _describe_person(self, person: Person) -> Iterator[Triple]:
        draw = Draw("clinic", self.seed, "laboratory", self.number, person.pseudonym)
        name = iri(PERSON, person.pseudonym)
        sample = iri(self.base, f"sample/{person.pseudonym}")
        date = f"{draw.between(2016, 2024)}-{draw.between(1, 12):02}-{draw.between(1, 28):02}"
        yield name, TYPE, PERSON_CLASS
        yield sample, TYPE, SAMPLE
        yield sample, INDIVIDUAL, name
        yield sample, COLLECTED, typed(date, "date")
        yield sample, STATUS, text(draw.pick(("reference", "affected")))
        genes = list(self.terminology.genes[person.disease])
        if draw.chance(0.5):
            genes += self.terminology.genes[draw.pick(self.terminology.diseases)]
        for gene in dict.fromkeys(genes):
            variation = f"{self.terminology.source.gene_symbols[gene]}-{draw.between(1, 4)}"
            case = iri(self.base, f"case/{person.pseudonym}-{variation}")
            yield iri(VARIATION, variation), CASE_DATA, case
            yield case, TYPE, CASE
            yield case, INDIVIDUAL, name
            yield case, ZYGOSITY, code(draw.pick(ZYGOSITIES))
            yield from self._describe_variation(variation, gene)

    def _describe_variation(self, variation: str, gene: str) -> Iterator[Triple]:
        # Drawn by name alone: every laboratory says the same of a variation.
        draw = Draw("clinic", self.seed, "variation", variation)
        name = iri(VARIATION, variation)
        yield name, TYPE, VARIATION_CLASS
        yield name, GENOMIC_FEATURE, code(gene)
        yield name, EFFECT, code(draw.pick(EFFECTS))
        yield name, RELEVANCE, text(draw.pick(RELEVANCES))
        yield name, CHROMOSOME, text(self.terminology.source.gene_locations[gene].split("q")[0])
        yield from self.terminology.describe_gene(gene)
