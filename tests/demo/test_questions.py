"""The demo's data on one merged store: its counts, its borders and its three questions.

The right answers are computed a second time, in plain Python from the simulated records.
"""

import gzip
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, RdfFormat, Store

from endpoints.demo import genomics
from endpoints.demo.registry import choose_diseases
from endpoints.demo.simulate import TITLES, write_site
from endpoints.demo.vocabulary import PERSON
from ontologies.tables import read_rows, split_values

ROOT = Path(__file__).parents[2]
PLANS = sorted((ROOT / "query_plans").glob("demo-*.rq"))

LABEL = NamedNode("http://www.w3.org/2000/01/rdf-schema#label")
HERO_FILES = ROOT.parent / "shared" / "data" / "hero"


@pytest.fixture(scope="module")
def files(terminologies, tmp_path_factory):
    directory = tmp_path_factory.mktemp("demo")
    paths = {name: directory / f"{name}.nt.gz" for name in TITLES}
    for name, path in paths.items():
        write_site(name, path, terminologies)
    return paths


def load(*paths):
    store = Store()
    for path in paths:
        with gzip.open(path) as stream:
            store.bulk_load(stream, format=RdfFormat.N_TRIPLES)
    return store


@pytest.fixture(scope="module")
def stores(files):
    return {name: load(path) for name, path in files.items()}


@pytest.fixture(scope="module")
def merged(files):
    return load(*files.values())


def ask(store, place):
    solutions = store.query(PLANS[place].read_text())
    names = [variable.value for variable in solutions.variables]
    return [
        tuple(None if solution[name] is None else solution[name].value for name in names)
        for solution in solutions
    ]


def iri(curie):
    prefix, local = curie.split(":")
    return {
        "HP": "http://purl.obolibrary.org/obo/HP_",
        "ORPHA": "http://www.orpha.net/ORDO/Orphanet_",
    }[prefix] + local


def test_sizes_of_the_sites(stores, merged):
    assert {name: len(store) for name, store in stores.items()} == {
        "clinic": 196_704,
        "registry": 505_717,
        "genomics": 111_416,
        "cohort": 336_674,
    }
    assert 900_000 < len(merged) < 1_200_000
    assert len(merged) < sum(len(store) for store in stores.values())


def count(store, body):
    (solution,) = store.query(f"SELECT (COUNT(DISTINCT ?x) AS ?count) WHERE {{ {body} }}")
    return int(solution["count"].value)


BTO = "https://w3id.org/brainteaser/ontology/schema/"
HERO = "https://w3id.org/hereditary/ontology/schema/"


def test_sites_hold_as_many_persons_and_diseases_as_they_say(stores):
    assert count(stores["clinic"], f"?x a <{BTO}Patient>") == 2_000
    assert count(stores["cohort"], f"?x a <{BTO}Patient>") == 20_000
    assert count(stores["registry"], f"?x a <{BTO}DiseaseDisorderOrFinding>") == 4_281
    annotation = "<https://w3id.org/biolink/vocab/DiseaseToPhenotypicFeatureAssociation>"
    subject = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#subject>"
    assert count(stores["registry"], f"?a a {annotation} ; {subject} ?x") == 4_281
    assert count(stores["registry"], f"?x a <{BTO}Patient>") == 0


def test_genomics_shares_the_clinics_pseudonyms(stores):
    at_clinic = {
        quad.object
        for quad in stores["clinic"].quads_for_pattern(
            None,
            NamedNode("https://w3id.org/linkml/phenopackets/phenopackets/subject"),
            None,
            None,
        )
    }
    at_genomics = {
        quad.object
        for quad in stores["genomics"].quads_for_pattern(
            None, NamedNode(f"{HERO}individual"), None, None
        )
    }
    assert at_genomics == at_clinic
    assert all(person.value.startswith(PERSON) for person in at_clinic)


def test_genomics_knows_no_disease(stores, terminologies):
    words = "omim|orpha|obo/HP_|obo/MONDO_|ICD10|hasDisease|Phenotypic|Finding"
    foreign = re.compile(words, re.IGNORECASE)
    names = {name.lower() for name in terminologies.diseases.values()}
    for quad in stores["genomics"]:
        for term in (quad.subject, quad.predicate, quad.object):
            if isinstance(term, Literal):
                assert term.value.lower() not in names
            else:
                assert not foreign.search(term.value), term


def test_labels_are_held_by_two_members(stores):
    labels = {
        name: {
            (quad.subject, quad.object)
            for quad in store.quads_for_pattern(None, LABEL, None, None)
            if "/obo/HP_" in quad.subject.value
        }
        for name, store in stores.items()
    }
    assert len(labels["clinic"] & labels["registry"]) > 3_000
    assert len(labels["clinic"] - labels["registry"]) > 100
    assert len(labels["registry"] - labels["clinic"]) > 3_000
    assert not labels["genomics"]
    assert not labels["cohort"]


def test_three_questions_say_what_they_ask():
    assert len(PLANS) == 3
    for plan in PLANS:
        assert re.match(r"# question: .+\?\n# shows: .+\.\n# members: ", plan.read_text())


def test_patients_and_genes(merged, patients, terminologies):
    expected = set()
    for patient in patients:
        observed = {feature.hpo for feature in patient.features if not feature.excluded}
        if not {"HP:0001283", "HP:0002015"} <= observed:
            continue
        for variant in patient.variants:
            relevance = genomics.rate_variant(variant.gene, variant.number)[1]
            if relevance in {"Pathogenic", "Likely Pathogenic"}:
                onset = None if patient.onset is None else f"{round(patient.onset / 12, 1):g}"
                expected.add(
                    (
                        PERSON + patient.pseudonym,
                        terminologies.diseases[patient.disease],
                        onset,
                        terminologies.gene_symbols[variant.gene],
                        genomics.ZYGOSITY_LABELS[variant.zygosity],
                        relevance,
                    )
                )
    found = ask(merged, 0)
    assert found == sorted(expected, key=lambda row: (row[3], row[0], row[4], row[5]))
    assert 5 <= len(found) <= 30
    assert {row[2] is None for row in found} == {True, False}
    assert len({row[3] for row in found}) >= 5


def test_names_that_two_members_hold_come_once(merged, stores, patients, terminologies):
    known = {feature.hpo for patient in patients for feature in patient.features}
    for disease in choose_diseases(terminologies, 1):
        for row in terminologies.annotations[disease]:
            known.update(terminologies.hpo.ancestors(row.hpo))
    words = (
        "dysphagia",
        "swallow",
        "gastroparesis",
        "dysmotility",
        "pseudo-obstruction",
        "megacolon",
        "constipation",
    )
    expected = sorted(
        (name, iri(term))
        for term in known
        if any(word in (name := terminologies.hpo.labels[term]).lower() for word in words)
    )
    found = ask(merged, 1)
    assert found == [(term, name) for name, term in expected]
    assert 5 <= len(found) <= 30
    alone = {name: set(ask(store, 1)) for name, store in stores.items()}
    assert alone["clinic"] & alone["registry"]
    assert alone["clinic"] - alone["registry"]
    assert alone["registry"] - alone["clinic"]


def test_persons_per_disease(merged, persons):
    extracts = ROOT / "ontologies"
    names = {row["disease_id"]: row["name"] for row in read_rows(extracts / "hpo_diseases.tsv.gz")}
    genes = defaultdict(set)
    for row in read_rows(extracts / "hpo_disease_genes.tsv.gz"):
        genes[row["disease_id"]].add(row["hgnc_id"])
    concepts = defaultdict(set)
    for row in read_rows(extracts / "mondo_mappings.sssom.tsv.gz"):
        if row["predicate_id"] == "skos:exactMatch":
            concepts[row["subject_id"]].add(row["object_id"])
    carriers = defaultdict(set)
    for person in persons:
        for condition in person.conditions:
            carriers[condition.code].add(person.pseudonym)
    people = defaultdict(set)
    for matches in concepts.values():
        for match in matches:
            if match.startswith("Orphanet:"):
                disease = "ORPHA:" + match.removeprefix("Orphanet:")
                for code in matches:
                    people[disease] |= carriers.get(code, set())
    expected = [
        (iri(disease), names[disease], str(len(found)), str(len(genes[disease])))
        for disease, found in people.items()
        if found and disease in names and len(genes[disease]) >= 8
    ]
    found = ask(merged, 2)
    assert found == sorted(expected, key=lambda row: (-int(row[2]), row[1]))
    assert 5 <= len(found) <= 30
    by_name = {row[1]: row for row in found}
    assert by_name["Amyotrophic lateral sclerosis"][3] == "35"
    assert "Hirschsprung disease" in by_name


def test_registry_keeps_frequencies_and_hierarchy(stores, terminologies):
    annotation = "https://registry.hereditary.example/annotation/803-0002380"
    rows = [row for row in terminologies.annotations["ORPHA:803"] if row.hpo == "HP:0002380"]
    assert len(rows) == 1
    found = {
        quad.predicate.value.rsplit("/")[-1]: quad.object.value
        for quad in stores["registry"].quads_for_pattern(NamedNode(annotation), None, None, None)
    }
    assert found["frequency_qualifier"] == iri(rows[0].frequency_class)
    assert found["22-rdf-syntax-ns#subject"] == iri("ORPHA:803")
    edges = {
        (quad.subject.value, quad.object.value)
        for quad in stores["registry"].quads_for_pattern(
            None, NamedNode("http://www.w3.org/2000/01/rdf-schema#subClassOf"), None, None
        )
    }
    terms = {row["id"]: row for row in read_rows(ROOT / "ontologies" / "hpo_terms.tsv.gz")}
    for parent in split_values(terms["HP:0002380"]["parents"]):
        assert (iri("HP:0002380"), iri(parent)) in edges


def test_no_blank_nodes_and_no_unknown_hosts(merged):
    hosts = Counter()
    for quad in merged:
        for term in (quad.subject, quad.object):
            if isinstance(term, NamedNode):
                hosts[term.value.split("/")[2]] += 1
            else:
                assert isinstance(term, Literal)
    assert {host for host in hosts if host.endswith("example")} == {
        "hereditary.example",
        "clinic.hereditary.example",
        "registry.hereditary.example",
        "genomics.hereditary.example",
        "cohort.hereditary.example",
    }


@pytest.mark.skipif(not HERO_FILES.exists(), reason="the HERO ontology is not beside the project")
def test_every_term_of_hero_that_is_used_is_in_hero(merged):
    hero = Store()
    for path in HERO_FILES.glob("*.ttl"):
        hero.bulk_load(path=path, format=RdfFormat.TURTLE)
    declared = {quad.subject.value for quad in hero if isinstance(quad.subject, NamedNode)}
    used = {quad.predicate.value for quad in merged}
    used |= {
        solution["class"].value
        for solution in merged.query("SELECT DISTINCT ?class { [] a ?class }")
    }
    used = {name for name in used if name.startswith((BTO, HERO))}
    assert len(used) > 25
    assert used <= declared
