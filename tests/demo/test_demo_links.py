"""Training in the demo: what is selected at each site, what stays, and what OMIM makes of links."""

import re

import polars as pl
import pytest
from click.testing import CliRunner

from endpoints.demo.build import build_demo
from endpoints.demo.known_elsewhere import read_omim_links
from endpoints.demo.links import CAUSES, main
from endpoints.demo.simulate import TITLES
from endpoints.demo.terminologies import Hierarchy, Terminologies
from hereditary_kg.embeddings.training_description import read_training_description
from hereditary_kg.embeddings.training_run import read_sites
from hereditary_kg.sites import Site

SMALL = 0.02
PREFIXES = """
PREFIX biolink: <https://w3id.org/biolink/vocab/>
PREFIX bto: <https://w3id.org/brainteaser/ontology/schema/>
PREFIX hero: <https://w3id.org/hereditary/ontology/schema/>
PREFIX packets: <https://w3id.org/linkml/phenopackets/phenopackets/>
PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
"""
ORACLES = {
    "registry": """
        { VALUES ?p { rdfs:subClassOf skos:exactMatch biolink:gene_associated_with_condition }
          ?s ?p ?o }
        UNION
        { ?a a biolink:DiseaseToPhenotypicFeatureAssociation ; rdf:subject ?s ; rdf:object ?o
          OPTIONAL { ?a biolink:negated ?not } FILTER(!BOUND(?not))
          BIND(biolink:has_phenotype AS ?p) }""",
    "clinic": """
        { BIND(bto:hasDisease AS ?p) ?s ?p ?o }
        UNION
        { ?packet packets:subject ?s ; packets:phenotypicFeatures ?f .
          ?f hero:featureExcluded false ; hero:featureType ?o
          BIND(biolink:has_phenotype AS ?p) }""",
    "genomics": """
        ?v hero:caseLevelData ?c ; hero:molecularAttributes ?m .
        ?c hero:individual ?s . ?m hero:genomicFeature ?o BIND(hero:genomicFeature AS ?p)""",
    "cohort": "BIND(bto:hasDisease AS ?p) ?s ?p ?o",
}


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("sites")
    build_demo(directory, scale=SMALL)
    return directory


@pytest.fixture(scope="module")
def learning(directory):
    description = read_training_description(directory / "training.toml")
    return {site.name: site for site in read_sites(description)}


@pytest.mark.parametrize("name", TITLES)
def test_a_site_trains_on_what_a_query_by_hand_finds(name, directory, learning):
    with Site.open(directory / name) as site:
        found = site.open_store().query(f"{PREFIXES} SELECT ?s ?p ?o {{ {ORACLES[name]} }}")
        expected = {tuple(row[end].value for end in "spo") for row in found}
    assert set(learning[name].split.whole().labels()) == expected
    assert len(expected) > 20


def test_persons_are_local_and_terms_have_names(learning):
    persons = 0
    for site in learning.values():
        for label in site.split.training.entities:
            is_person = "/person/" in label
            persons += is_person
            assert site.namespaces.is_public(label) != is_person, label
        assert not any("/person/" in label for label in site.names)
    assert persons > 400
    names = learning["registry"].names
    genes = {
        head
        for head, relation, _ in learning["registry"].split.whole().labels()
        if relation == CAUSES
    }
    assert genes <= set(names)
    assert all(re.fullmatch(r"[A-Za-z0-9-]+", names[gene]) for gene in genes)


def test_a_model_is_trained_and_ten_links_are_told(directory):
    done = CliRunner().invoke(main, ["--directory", str(directory), "--scale", str(SMALL)])
    assert done.exit_code == 0, done.output
    links = pl.read_parquet(directory / "links" / "links.parquet")
    names = links.select("head_name", "tail_name")
    assert names.null_count().row(0) == (0, 0)
    for head, tail in names.head(10).iter_rows():
        # A long name is folded.
        assert f"{head} HGNC:" in done.output
        assert tail.split()[0] in done.output
    assert links["relation"].unique().to_list() == [CAUSES]
    assert "Looked up in OMIM" in done.output
    table = done.stdout[done.stdout.index("rank  link") :].partition("hkg ")[0].splitlines()
    assert max(map(len, table[:-1])) <= 100
    assert any(line.lstrip().startswith("alike ") for line in table)


ORDO = "http://www.orpha.net/ORDO/Orphanet_"
GENE = "http://identifiers.org/hgnc/"
SMALL_TERMS = Terminologies(
    hpo=Hierarchy({}, {}),
    mondo=Hierarchy({}, {"MONDO:2": ("MONDO:1",), "MONDO:3": ("MONDO:2",), "MONDO:1": ()}),
    diseases={"ORPHA:1": "paraplegia", "ORPHA:3": "of type 3", "OMIM:2": "of type 2"},
    annotations={},
    disease_genes={"OMIM:2": ("HGNC:7", "HGNC:8"), "ORPHA:1": ("HGNC:8",)},
    gene_symbols={},
    gene_locations={},
    mappings=(
        ("MONDO:1", "skos:exactMatch", "ORPHA:1"),
        ("MONDO:2", "skos:exactMatch", "OMIM:2"),
        ("MONDO:3", "skos:exactMatch", "ORPHA:3"),
    ),
    icd_labels={},
)


def test_a_gene_of_a_kind_of_a_disease_counts_and_one_of_a_wider_disease_does_not():
    links = read_omim_links(SMALL_TERMS, [(f"{GENE}8", f"{ORDO}1")])
    assert links.find(f"{GENE}7", f"{ORDO}1") == ("of type 2",)
    # What the registry has is not found elsewhere, and type 3 is narrower than type 2.
    assert links.find(f"{GENE}8", f"{ORDO}1") == ()
    assert links.find(f"{GENE}7", f"{ORDO}3") == ()
    genes, diseases = (f"{GENE}7", f"{GENE}8", f"{GENE}8"), (f"{ORDO}1", f"{ORDO}3")
    # One of the three pairs that the registry does not have.
    assert links.chance(genes, diseases, known=1) == pytest.approx(1 / 3)
