"""The simulated persons: the same everywhere, and true to the annotations."""

import hashlib
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from endpoints.demo import genomics
from endpoints.demo.dataset import SYNTHETIC
from endpoints.demo.drawing import Draw
from endpoints.demo.patients import (
    EXPECTED_FREQUENCY,
    GROUP_SHARES,
    ONSET_MONTHS,
    X_LINKED_RECESSIVE,
    DiseaseModel,
    group_diseases,
    model_disease,
    simulate_patients,
)
from endpoints.demo.persons import FEMALE_ONLY, MALE_ONLY, simulate_persons
from endpoints.demo.simulate import TITLES, describe_site
from endpoints.demo.terminologies import Annotation

ROOT = Path(__file__).parents[2]

SMALL = 0.01

DIGESTS = {
    "clinic": "a832b1929df54649b51a5e85621dbeb5b8b11b3d029f087162e0a8abf3b2e739",
    "registry": "47d78e55685781556f57062ef032b80a65210f7b9a2c0132294f1078fdfbb340",
    "genomics": "ae8c93a71681c1200f3233275f6b806a5e2b9c83d6c58632987991517262184f",
    "cohort": "eb94d00f67faef1196315920226ad7c131a1f5c6d2c5ecf2622b2ac367a9946a",
}


def digest(name, terminologies):
    lines = (" ".join(triple) for triple in describe_site(name, terminologies, SMALL))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@pytest.mark.parametrize("name", TITLES)
def test_data_is_the_same_on_every_machine(name, terminologies):
    assert digest(name, terminologies) == DIGESTS[name]


def test_data_does_not_hang_on_the_hash_seed(terminologies):
    script = (
        "import hashlib\n"
        "from endpoints.demo.simulate import describe_site\n"
        "from endpoints.demo.terminologies import read_terminologies\n"
        f"triples = describe_site('genomics', read_terminologies(), {SMALL})\n"
        "text = '\\n'.join(' '.join(triple) for triple in triples)\n"
        "print(hashlib.sha256(text.encode()).hexdigest())\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    found = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == digest("genomics", terminologies)


def test_a_smaller_demo_holds_the_first_persons_of_the_full_one(terminologies, patients, persons):
    assert list(simulate_patients(20, terminologies)) == patients[:20]
    assert list(simulate_persons(50, terminologies)) == persons[:50]


@pytest.mark.parametrize("name", TITLES)
def test_every_site_says_that_persons_are_synthetic(name, terminologies):
    described = [
        value
        for _, predicate, value in describe_site(name, terminologies, SMALL)
        if predicate == "<http://purl.org/dc/terms/description>"
    ]
    assert len(described) == 1
    assert SYNTHETIC in described[0]
    assert "synthetic" in TITLES[name].lower() or "holds no persons" in described[0]


def test_draws_keep_within_their_bounds():
    draw = Draw("bounds")
    assert {draw.between(2, 4) for _ in range(200)} == {2, 3, 4}
    assert {draw.pick("ab") for _ in range(200)} == {"a", "b"}
    assert {draw.pick_weighted("abc", [1, 1, 3]) for _ in range(200)} == {"a", "c"}
    assert not any(draw.chance(0) for _ in range(200))
    assert all(draw.chance(1) for _ in range(200))


def test_pseudonyms_are_unique(patients, persons):
    names = [person.pseudonym for person in (*patients, *persons)]
    assert len(set(names)) == len(names) == 22_000


def test_groups_of_diseases_have_their_shares(patients, terminologies):
    groups = group_diseases(terminologies)
    for name, share in GROUP_SHARES.items():
        members = set(groups[name])
        found = sum(patient.disease in members for patient in patients)
        assert found / len(patients) == pytest.approx(share / 100, abs=0.03), name
    assert "OMIM:105400" in groups["ALS"]
    assert "OMIM:253300" in groups["motor neuron"]
    assert "OMIM:143100" in groups["neurodegenerative"]


def make_report(**changes):
    report = {
        "hpo": "HP:1",
        "negated": False,
        "frequency": None,
        "stated_frequency": "",
        "sex": "",
        "aspect": "P",
    }
    return Annotation(**{**report, **changes})


def pool(*reports):
    from endpoints.demo.patients import _pool

    return _pool(list(reports), 0.6)


def test_reports_of_one_feature_are_pooled():
    assert pool(
        make_report(frequency=3 / 7, stated_frequency="3/7"),
        make_report(frequency=1 / 3, stated_frequency="1/3"),
        make_report(frequency=0.895, stated_frequency="HP:0040281"),
    ) == pytest.approx(0.4)
    assert pool(
        make_report(frequency=0.5, stated_frequency="50%"),
        make_report(frequency=0.17, stated_frequency="HP:0040283"),
    ) == pytest.approx(0.335)
    assert pool(make_report()) == 0.6
    assert pool(make_report(negated=True)) == 0


def models_of(patients, terminologies) -> dict[str, DiseaseModel]:
    return {
        disease: model_disease(disease, terminologies)
        for disease in {patient.disease for patient in patients}
    }


def test_features_come_as_often_as_the_annotations_say(patients, terminologies):
    models = models_of(patients, terminologies)
    expected = defaultdict(float)
    variance = defaultdict(float)
    observed = defaultdict(int)
    for patient in patients:
        model = models[patient.disease]
        found = {feature.hpo for feature in patient.features if not feature.excluded}
        for hpo, share in model.features.items():
            if hpo in model.limited:
                continue
            group = round(share, 1)
            expected[group] += share
            variance[group] += share * (1 - share)
            observed[group] += hpo in found
    assert set(expected) == {step / 10 for step in range(11)}
    for group, mean in expected.items():
        # Four standard errors, and the few features that stand in for a patient without any.
        assert abs(observed[group] - mean) <= 4 * variance[group] ** 0.5 + 20, group
    assert observed[1.0] > 0


def test_features_of_one_disease_come_as_often_as_its_annotations_say(terminologies):
    patients = list(simulate_patients(2000, terminologies))
    by_disease = defaultdict(list)
    for patient in patients:
        by_disease[patient.disease].append(patient)
    disease, group = max(by_disease.items(), key=lambda item: (len(item[1]), item[0]))
    model = model_disease(disease, terminologies)
    assert len(group) >= 15
    for hpo, share in model.features.items():
        found = sum(
            feature.hpo == hpo and not feature.excluded
            for patient in group
            for feature in patient.features
        )
        error = (share * (1 - share) / len(group)) ** 0.5
        assert abs(found / len(group) - share) <= 4 * error + 1e-9, hpo


def test_ruled_out_features_are_excluded_and_never_observed(patients, terminologies):
    models = models_of(patients, terminologies)
    excluded = 0
    for patient in patients:
        shares = models[patient.disease].features
        for feature in patient.features:
            if shares[feature.hpo] == 0:
                assert feature.excluded
                excluded += 1
            if feature.excluded:
                assert shares[feature.hpo] == 0 or shares[feature.hpo] >= EXPECTED_FREQUENCY
    assert excluded > 50


def test_nothing_above_an_observed_feature_is_excluded(patients, terminologies):
    for patient in patients:
        observed = {feature.hpo for feature in patient.features if not feature.excluded}
        excluded = {feature.hpo for feature in patient.features if feature.excluded}
        assert observed
        assert not terminologies.hpo.close(observed) & excluded


def test_features_of_one_sex_stay_with_it(patients, terminologies):
    models = models_of(patients, terminologies)
    kept = 0
    for patient in patients:
        limited = models[patient.disease].limited
        own = "FEMALE" if patient.female else "MALE"
        for feature in patient.features:
            assert limited.get(feature.hpo, own) == own
            kept += feature.hpo in limited
    assert kept > 0


def test_onset_lies_in_an_annotated_range(patients, terminologies):
    models = models_of(patients, terminologies)
    for patient in patients:
        onsets = models[patient.disease].onsets
        assert (patient.onset is None) == (not onsets)
        if patient.onset is not None:
            assert any(
                ONSET_MONTHS[term][0] <= patient.onset <= ONSET_MONTHS[term][1] for term in onsets
            )
        assert 1900 < patient.birth_year <= int(patient.diagnosed[:4])


def test_causes_are_genes_of_the_disease(patients, terminologies):
    causal = [
        (patient, variant)
        for patient in patients
        for variant in patient.variants
        if variant.number <= genomics.LAST_CAUSAL
    ]
    assert len({patient.pseudonym for patient, _ in causal}) / len(patients) == pytest.approx(
        0.85, abs=0.03
    )
    for patient, variant in causal:
        assert variant.gene in terminologies.disease_genes[patient.disease]
        assert "athogenic" in genomics.rate_variant(variant.gene, variant.number)[1]
    incidental = {
        genomics.rate_variant(variant.gene, variant.number)[1]
        for patient in patients
        for variant in patient.variants
        if variant.number > genomics.LAST_CAUSAL
    }
    assert incidental == {"Benign", "Likely Benign", "Uncertain Significance"}


def test_zygosity_follows_sex_and_chromosome(patients, terminologies):
    found = defaultdict(set)
    for patient in patients:
        for variant in patient.variants:
            if variant.number <= genomics.LAST_CAUSAL:
                place = terminologies.gene_locations[variant.gene]
                found[variant.zygosity].add((place[0], patient.female))
    assert found["GENO:0000134"] == {("X", False)}
    assert {place for place, _ in found["GENO:0000603"]} <= {"m"}
    assert set(found) <= set(genomics.ZYGOSITY_LABELS)


def test_x_linked_recessive_disease_is_mostly_male(patients, terminologies):
    models = models_of(patients, terminologies)
    group = [
        patient
        for patient in patients
        if models[patient.disease].inheritance == (X_LINKED_RECESSIVE,)
    ]
    assert len(group) > 20
    assert sum(patient.female for patient in group) / len(group) < 0.3


def test_cohort_diagnoses_fit_the_sex_and_the_visits(persons):
    seen = set()
    for person in persons:
        barred = MALE_ONLY if person.female else FEMALE_ONLY
        dates = {visit.date for visit in person.visits}
        for condition in person.conditions:
            code = condition.code.removeprefix("ICD10CM:")
            seen.add(code[0])
            assert not code.startswith(barred)
            assert condition.start in dates
        registered = [place for visit in person.visits for place in visit.registered]
        assert sorted(registered) == list(range(len(person.conditions)))
        assert [visit.date for visit in person.visits] == sorted(dates)
    assert {"G", "K", "O", "C"} <= seen
