"""Synthetic rare-disease patients, drawn from what HPO's annotations say of real diseases.

Nobody here exists. A patient gets an OMIM disease, and each of the disease's annotated features
with the frequency that HPO states for it; the sex, the onset and the zygosity follow the annotated
inheritance and onset; the gene is one that is linked with the disease.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from endpoints.demo.drawing import Draw, make_pseudonym
from endpoints.demo.terminologies import Annotation, Terminologies

__all__ = [
    "PATIENTS",
    "Carried",
    "DiseaseModel",
    "Feature",
    "Patient",
    "group_diseases",
    "model_disease",
    "simulate_patients",
]

PATIENTS = 2_000

ALS = "MONDO:0004976"
MOTOR_NEURON_DISEASE = "MONDO:0020128"
NEURODEGENERATIVE_DISEASE = "MONDO:0005559"
GUT_FUNCTION = "HP:0012719"
NERVOUS_SYSTEM_FUNCTION = "HP:0012638"

GROUP_SHARES = {
    "ALS": 20,
    "motor neuron": 10,
    "neurodegenerative": 20,
    "gut-brain": 20,
    "other": 30,
}
"""How many of a hundred patients each group of diseases gets."""

FEWEST_FEATURES = 5
"""A disease needs as many annotated features to be simulated."""

EXPECTED_FREQUENCY = 0.3
"""A feature at least this frequent is looked for: without it, it is recorded as excluded."""

CAUSE_FOUND = 0.85
"""The share of patients in whom the causal variant was found."""

AUTOSOMAL_RECESSIVE = "HP:0000007"
X_LINKED_RECESSIVE = "HP:0001419"
INHERITANCE = ("HP:0000006", AUTOSOMAL_RECESSIVE, "HP:0001417", X_LINKED_RECESSIVE, "HP:0001423")

ONSET_MONTHS: Mapping[str, tuple[int, int]] = {
    "HP:0030674": (0, 0),  # antenatal
    "HP:0011460": (0, 0),  # embryonal
    "HP:0011461": (0, 0),  # fetal
    "HP:0034199": (0, 0),  # late first trimester
    "HP:0034198": (0, 0),  # second trimester
    "HP:0034197": (0, 0),  # third trimester
    "HP:0003577": (0, 0),  # congenital
    "HP:0003623": (0, 1),  # neonatal
    "HP:0003593": (1, 11),  # infantile
    "HP:0011463": (12, 59),  # childhood
    "HP:0003621": (60, 191),  # juvenile
    "HP:0011462": (192, 479),  # young adult
    "HP:0025708": (192, 227),  # early young adult
    "HP:0025709": (228, 299),  # intermediate young adult
    "HP:0025710": (300, 479),  # late young adult
    "HP:0003581": (192, 839),  # adult
    "HP:0003596": (480, 719),  # middle age
    "HP:0003584": (720, 1019),  # late
}
"""HPO's onset terms with the ages their definitions give, in months."""

HETEROZYGOUS, HOMOZYGOUS = "GENO:0000135", "GENO:0000136"
HEMIZYGOUS, HETEROPLASMIC = "GENO:0000134", "GENO:0000603"


@dataclass(frozen=True, slots=True)
class Feature:
    """A phenotypic feature that was looked for, and found or not."""

    hpo: str
    excluded: bool


@dataclass(frozen=True, slots=True)
class Carried:
    """A variant in a patient: the gene's ``number``-th variant of the demo."""

    gene: str
    number: int
    zygosity: str


@dataclass(frozen=True, slots=True)
class Patient:
    """A synthetic person with a rare disease; ``onset`` is an age in months, if it is known."""

    pseudonym: str
    disease: str
    female: bool
    birth_year: int
    diagnosed: str
    onset: int | None
    features: tuple[Feature, ...]
    variants: tuple[Carried, ...]


@dataclass(frozen=True)
class DiseaseModel:
    """What a disease's annotations say, one figure a feature.

    Attributes:
        features: HPO term → share of patients that have it; 0 for a feature HPO rules out.
        limited: HPO term → the only sex HPO states it for.
    """

    features: Mapping[str, float]
    limited: Mapping[str, str]
    onsets: tuple[str, ...]
    inheritance: tuple[str, ...]
    genes: tuple[str, ...]


def model_disease(disease: str, terminologies: Terminologies) -> DiseaseModel:
    """Sum up a disease's annotations.

    Several reports of one feature are pooled: counts of patients are added up (3/7 and 1/3 make
    4/10), otherwise the shares' mean counts.
    """
    reports: dict[str, list[Annotation]] = defaultdict(list)
    rows = terminologies.annotations[disease]
    for row in rows:
        if row.aspect == "P":
            reports[row.hpo].append(row)
    sexes = {hpo: {row.sex for row in found} for hpo, found in reports.items()}
    return DiseaseModel(
        features={
            hpo: _pool(found, terminologies.unstated_frequency)
            for hpo, found in sorted(reports.items())
        },
        limited={
            hpo: min(found) for hpo, found in sexes.items() if len(found) == 1 and "" not in found
        },
        onsets=tuple(sorted({row.hpo for row in rows if row.hpo in ONSET_MONTHS})),
        inheritance=tuple(sorted({row.hpo for row in rows if row.hpo in INHERITANCE})),
        genes=tuple(sorted(terminologies.disease_genes.get(disease, ()))),
    )


def _pool(reports: list[Annotation], unstated: float) -> float:
    positive = [row for row in reports if not row.negated]
    if not positive:
        return 0.0
    counts = [row.stated_frequency.split("/") for row in positive if "/" in row.stated_frequency]
    if counts:
        return sum(int(found) for found, _ in counts) / sum(int(examined) for _, examined in counts)
    shares = [row.frequency for row in positive if row.frequency is not None]
    return sum(shares) / len(shares) if shares else unstated


def group_diseases(terminologies: Terminologies) -> dict[str, tuple[str, ...]]:
    """Sort the OMIM diseases that can be simulated into the groups of ``GROUP_SHARES``.

    Mondo says what is ALS, another motor neuron disease or another neurodegenerative disease;
    HPO's annotations say what touches the function of both gut and nervous system.
    """
    groups: dict[str, list[str]] = {name: [] for name in GROUP_SHARES}
    for disease, rows in sorted(terminologies.annotations.items()):
        present = {row.hpo for row in rows if row.aspect == "P" and row.frequency != 0}
        present -= {row.hpo for row in rows if row.negated}
        if (
            disease.startswith("OMIM:")
            and disease in terminologies.disease_genes
            and len(present) >= FEWEST_FEATURES
        ):
            groups[_name_group(disease, present, terminologies)].append(disease)
    return {name: tuple(diseases) for name, diseases in groups.items()}


def _name_group(disease: str, features: set[str], terminologies: Terminologies) -> str:
    kinds = terminologies.mondo.close(terminologies.mondo_of.get(disease, ()))
    if ALS in kinds:
        return "ALS"
    if MOTOR_NEURON_DISEASE in kinds:
        return "motor neuron"
    if NEURODEGENERATIVE_DISEASE in kinds:
        return "neurodegenerative"
    if {GUT_FUNCTION, NERVOUS_SYSTEM_FUNCTION} <= terminologies.hpo.close(features):
        return "gut-brain"
    return "other"


def simulate_patients(count: int, terminologies: Terminologies) -> Iterator[Patient]:
    """Simulate the first so many patients."""
    groups = group_diseases(terminologies)
    tickets = [name for name, share in GROUP_SHARES.items() for _ in range(share)]
    models: dict[str, DiseaseModel] = {}
    linked = sorted({gene for genes in terminologies.disease_genes.values() for gene in genes})
    for number in range(count):
        draw = Draw("patient", number)
        disease = draw.pick(groups[draw.pick(tickets)])
        if disease not in models:
            models[disease] = model_disease(disease, terminologies)
        yield _simulate(
            make_pseudonym("patient", number),
            disease,
            models[disease],
            linked=linked,
            draw=draw,
            terminologies=terminologies,
        )


def _simulate(
    pseudonym: str,
    disease: str,
    model: DiseaseModel,
    *,
    linked: list[str],
    draw: Draw,
    terminologies: Terminologies,
) -> Patient:
    inheritance = draw.pick(model.inheritance) if model.inheritance else ""
    female = draw.chance(0.1 if inheritance == X_LINKED_RECESSIVE else 0.5)
    onset = draw.between(*ONSET_MONTHS[draw.pick(model.onsets)]) if model.onsets else None
    diagnosis_year = draw.between(2008, 2024)
    age = draw.between(0, 59) * 12 if onset is None else onset
    return Patient(
        pseudonym=pseudonym,
        disease=disease,
        female=female,
        birth_year=diagnosis_year - age // 12 - draw.between(0, 3),
        diagnosed=f"{diagnosis_year}-{draw.between(1, 12):02}-{draw.between(1, 28):02}",
        onset=onset,
        features=_draw_features(model, female=female, draw=draw, terminologies=terminologies),
        variants=_draw_variants(
            model,
            inheritance,
            female=female,
            linked=linked,
            draw=draw,
            terminologies=terminologies,
        ),
    )


def _draw_features(
    model: DiseaseModel, *, female: bool, draw: Draw, terminologies: Terminologies
) -> tuple[Feature, ...]:
    other_sex = "MALE" if female else "FEMALE"
    possible = [hpo for hpo in model.features if model.limited.get(hpo) != other_sex]
    observed = [hpo for hpo in possible if draw.chance(model.features[hpo])]
    if not observed:
        # Nobody is diagnosed without a feature; the commonest one stands in.
        observed.append(max(possible, key=lambda hpo: (model.features[hpo], hpo)))
    # Whoever has focal seizures has seizures: nothing above an observed feature is excluded.
    implied = terminologies.hpo.close(observed)
    features = [Feature(hpo, excluded=False) for hpo in observed]
    features += [
        Feature(hpo, excluded=True)
        for hpo in possible
        if hpo not in implied and not 0 < model.features[hpo] < EXPECTED_FREQUENCY
    ]
    return tuple(sorted(features, key=lambda feature: feature.hpo))


def _draw_variants(
    model: DiseaseModel,
    inheritance: str,
    *,
    female: bool,
    linked: list[str],
    draw: Draw,
    terminologies: Terminologies,
) -> tuple[Carried, ...]:
    found: dict[tuple[str, int], Carried] = {}
    if draw.chance(CAUSE_FOUND):
        gene = draw.pick(model.genes)
        location = terminologies.gene_locations[gene]
        for variant in _draw_causes(gene, location, inheritance, female=female, draw=draw):
            found[variant.gene, variant.number] = variant
    for _ in range(draw.between(1, 4)):
        zygosity = HETEROZYGOUS if draw.chance(0.85) else HOMOZYGOUS
        variant = Carried(draw.pick(linked), draw.between(7, 9), zygosity)
        found.setdefault((variant.gene, variant.number), variant)
    return tuple(found.values())


def _draw_causes(
    gene: str, location: str, inheritance: str, *, female: bool, draw: Draw
) -> Iterator[Carried]:
    first, second = draw.between(1, 3), draw.between(4, 6)
    if location.startswith("mito"):
        yield Carried(gene, first, HETEROPLASMIC)
    elif location.startswith("X") and "Y" not in location and not female:
        yield Carried(gene, first, HEMIZYGOUS)
    elif inheritance == AUTOSOMAL_RECESSIVE and draw.chance(0.45):
        yield Carried(gene, first, HOMOZYGOUS)
    elif inheritance == AUTOSOMAL_RECESSIVE:
        yield Carried(gene, first, HETEROZYGOUS)
        yield Carried(gene, second, HETEROZYGOUS)
    else:
        yield Carried(gene, first, HETEROZYGOUS)
