"""Predicates whose codes the user has in another vocabulary than diseases: genes, phenotypes."""

import polars as pl
import pytest

from hereditary_kg import Federation
from hereditary_kg.federation.description import read_description
from hereditary_kg.federation.errors import DescriptionError
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.transport import EmbeddedTransport
from hereditary_kg.semantics.errors import UnknownTermError
from hereditary_kg.semantics.hub import MAPPINGS, Hub
from hereditary_kg.semantics.identifiers import iri_of
from hereditary_kg.semantics.terminology import EDGES, SYNONYMS, TERMS, Terminology
from tests.dealt_federations import store_of
from tests.execution.converted_federations import ex

DESCRIPTION = """\
name = "genes"
[prefixes]
ex = "http://example.org/"
HGNC = "http://identifiers.org/hgnc/"
HP = "http://purl.obolibrary.org/obo/HP_"
NCIT = "http://purl.obolibrary.org/obo/NCIT_"
[conversion]
hub = "hub"
vocabulary = "NCIT"
[conversion.vocabularies]
"ex:gene" = "HGNC"
"ex:phenotype" = "HP"
[[member]]
name = "symbols"
site = "symbols"
[member.codes]
"ex:disease" = { vocabulary = "OMIM" }
"ex:symbol" = { vocabulary = "HGNC", literal = true }
[member.predicates]
"ex:symbol" = "ex:gene"
[[member]]
name = "numbers"
site = "numbers"
[member.codes]
"ex:disease" = { vocabulary = "OMIM" }
"ex:gene" = { vocabulary = "NCBIGENE" }
"ex:phenotype" = { vocabulary = "HP" }
[[member]]
name = "native"
site = "native"
"""


def _iri(code):
    return f"<{iri_of(code)}>"


MEMBERS = (
    [
        (ex("s1"), ex("disease"), _iri("OMIM:168600")),
        (ex("s1"), ex("symbol"), '"GBA"'),
        (ex("s2"), ex("symbol"), '"GBA1"'),
        (ex("s3"), ex("symbol"), '"QARS"'),
        (ex("s4"), ex("symbol"), '"HGNC:8607"'),
        (ex("s5"), ex("symbol"), '"NOGENE"'),
    ],
    [
        (ex("n1"), ex("disease"), _iri("OMIM:168600")),
        (ex("n1"), ex("gene"), _iri("NCBIGENE:2629")),
        (ex("n1"), ex("phenotype"), _iri("HP:0000003")),
        (ex("n2"), ex("phenotype"), _iri("HP:0000002")),
        (ex("n3"), ex("phenotype"), _iri("HP:0000001")),
    ],
    # What it holds is the user's already.
    [
        (ex("u1"), ex("gene"), _iri("HGNC:4177")),
        (ex("u1"), ex("phenotype"), _iri("HP:0000003")),
        (ex("u2"), ex("phenotype"), _iri("HP:0000001")),
    ],
)
_MAPPED = [
    ("MONDO:0005180", "skos:exactMatch", "NCIT:C26845"),
    ("MONDO:0005180", "skos:exactMatch", "OMIM:168600"),
    ("HGNC:4177", "skos:exactMatch", "NCBIGENE:2629"),
]


def _terminology(name, terms, synonyms=(), edges=()):
    return Terminology(
        name,
        "1",
        pl.DataFrame([(*t, None, False, []) for t in terms], schema=TERMS, orient="row"),
        pl.DataFrame(list(synonyms), schema=SYNONYMS, orient="row"),
        pl.DataFrame(list(edges), schema=EDGES, orient="row"),
    )


HUB = Hub(
    {
        "HGNC": _terminology(
            "HGNC",
            [
                ("HGNC:4177", "GBA1"),
                ("HGNC:8607", "PRKN"),
                ("HGNC:10000", "QARS1"),
                ("HGNC:10001", "EPRS1"),
            ],
            [
                ("HGNC:4177", "GBA", "previous"),
                ("HGNC:8607", "PARK2", "previous"),
                ("HGNC:10000", "QARS", "previous"),
                ("HGNC:10001", "QARS", "previous"),
            ],
        ),
        "HP": _terminology(
            "HP",
            [("HP:0000001", "all"), ("HP:0000002", "seizure"), ("HP:0000003", "focal seizure")],
            edges=[("HP:0000002", "HP:0000001"), ("HP:0000003", "HP:0000002")],
        ),
        "MONDO": _terminology("MONDO", [("MONDO:0005180", "Parkinson disease")]),
    },
    pl.DataFrame(
        [
            (*row, "semapv:ManualMappingCuration", 1.0, None, None, f"https://example.org/#{n}", "")
            for n, row in enumerate(_MAPPED, 1)
        ],
        schema=MAPPINGS,
        orient="row",
    ),
)


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    path = tmp_path_factory.mktemp("genes") / "federation.toml"
    path.write_text(DESCRIPTION)
    return read_description(path)


@pytest.fixture(scope="module")
def federation(described):
    members = [
        Member(each, EmbeddedTransport(store_of(triples)))
        for each, triples in zip(described.members, MEMBERS, strict=True)
    ]
    with Federation(described, members, hub=HUB) as opened:
        yield opened


def _found(federation, text):
    return {tuple(map(_local, row)) for row in federation.query(text).to_polars().iter_rows()}


def _local(text):
    return text.removeprefix("http://").rpartition("/")[2]


@pytest.mark.parametrize("path", ["ex:gene HGNC:4177", "ex:gene ?g FILTER(?g = HGNC:4177)"])
def test_a_gene_is_found_by_old_and_new_symbols_and_other_numbers(federation, path):
    assert _found(federation, f"SELECT ?s {{ ?s {path} }}") == {("s1",), ("s2",), ("n1",), ("u1",)}


def test_symbols_are_shown_as_genes_where_they_mean_one(federation):
    assert _found(federation, "SELECT ?s ?g { ?s ex:gene ?g }") == {
        ("s1", "4177"),
        ("s2", "4177"),
        ("s3", "QARS"),
        ("s4", "8607"),
        ("s5", "NOGENE"),
        ("n1", "4177"),
        ("u1", "4177"),
    }


def test_symbols_that_mean_no_gene_or_several_are_told(federation):
    result = federation.query("SELECT ?s { ?s ex:gene HGNC:4177 }")
    by_member = {each.member: each for each in result.certificate.conversions}
    assert by_member["symbols"].unknown == ("NOGENE", "QARS")
    assert by_member["numbers"].unknown == ()
    uses = {use.native: use.code for use in by_member["symbols"].uses}
    assert uses == {'"GBA"': "HGNC:4177", '"GBA1"': "HGNC:4177"}


def test_both_vocabularies_join(federation):
    text = (
        "SELECT ?s ?t { NCIT:C26845 hkg:includes ?d . ?s ex:disease ?d ; ex:gene ?g . "
        "?t ex:gene ?g }"
    )
    genes = {"s1", "s2", "n1", "u1"}
    assert _found(federation, text) == {(s, t) for s in ("s1", "n1") for t in genes}


@pytest.mark.parametrize("said", ["HP:0000002 hkg:includes ?f", "?f rdfs:subClassOf* HP:0000002"])
def test_phenotypes_have_a_hierarchy_of_their_own(federation, said):
    prefix = "PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>"
    found = _found(federation, f"{prefix} SELECT ?s ?f {{ {said} . ?s ex:phenotype ?f }}")
    assert found == {("n1", "HP_0000003"), ("n2", "HP_0000002"), ("u1", "HP_0000003")}


def test_a_vocabulary_that_the_hub_does_not_know_is_refused(described):
    genes = {"HGNC": HUB.terminologies["HGNC"]}
    with pytest.raises(UnknownTermError, match="vocabulary HP"):
        Federation(described, [], hub=Hub(genes, HUB.mappings))


@pytest.mark.parametrize("wrong", ['"ex:gene" = 3', '"gene" = "HGNC"'])
def test_a_description_says_vocabularies_by_predicate(tmp_path, wrong):
    path = tmp_path / "federation.toml"
    path.write_text(DESCRIPTION.replace('"ex:gene" = "HGNC"', wrong, 1))
    with pytest.raises(DescriptionError, match="vocabularies"):
        read_description(path)
