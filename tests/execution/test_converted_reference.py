"""Real data asked in NCIT: 10,580 phenopackets coded in OMIM, genes of diseases in ICD-10."""

import gzip
import json
import lzma
from pathlib import Path

import pyoxigraph as ox
import pytest

from hereditary_kg import Federation
from hereditary_kg.federation.coding import CodedPredicate, ConversionDescription, MemberCoding
from hereditary_kg.federation.description import FederationDescription, MemberDescription
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.transport import EmbeddedTransport
from hereditary_kg.semantics.expansion import Bound
from hereditary_kg.semantics.identifiers import iri_of, normalise
from hereditary_kg.semantics.importing import import_files

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
EX = "http://example.org/"
PREFIXES = {
    "ex": EX,
    "hkg": "https://w3id.org/hereditary-kg/vocab#",
    "NCIT": iri_of("NCIT:C1").removesuffix("C1"),
}

pytestmark = [
    pytest.mark.skipif(
        not DATA.is_dir(), reason="the reference data are not beside the project (../shared/data)"
    ),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def hub():
    mappings = DATA / "mondo" / "mappings"
    return import_files(
        [
            DATA / "ontologies-json" / "MONDO-ontology-v2026-05-05.json.zst",
            *(
                path
                for match in ("exact", "broad", "narrow")
                for path in mappings.glob(f"mondo_{match}match_*.sssom.tsv.gz")
            ),
        ]
    ).hub


@pytest.fixture(scope="module")
def federation(hub):
    with opened_federation(hub, quads(), CodedPredicate()) as opened:
        yield opened


def opened_federation(hub, data, coded):
    store = ox.Store()
    store.extend(data)
    coding = MemberCoding({EX + "disease": coded})
    description = MemberDescription("a", coding=coding)
    return Federation(
        FederationDescription(
            "real",
            prefixes=PREFIXES,
            members=(description,),
            conversion=ConversionDescription("NCIT"),
        ),
        [Member(description, EmbeddedTransport(store))],
        hub=hub,
    )


def quads():
    disease = ox.NamedNode(EX + "disease")
    with lzma.open(DATA / "phenopacket-store" / "phenopackets.jsonl.xz", "rt") as lines:
        for number, line in enumerate(lines):
            packet = json.loads(line)
            person = ox.NamedNode(f"{EX}person/{number}")
            yield ox.Quad(person, ox.NamedNode(EX + "packet"), ox.Literal(packet["id"]))
            for each in packet.get("interpretations", ()):
                code = each["diagnosis"]["disease"]["id"]
                yield ox.Quad(person, disease, ox.NamedNode(iri_of(normalise(code))))


@pytest.mark.parametrize(("code", "patients"), [("C34373", 1), ("C26845", 52), ("C4802", 674)])
def test_patients_by_a_code_with_its_descendants(federation, code, patients):
    text = f"SELECT (COUNT(DISTINCT ?p) AS ?n) {{ NCIT:{code} hkg:includes ?d . ?p ex:disease ?d }}"
    result = federation.query(text)
    assert result.to_polars()["n"].item() == patients
    (report,) = result.certificate.conversions
    assert all(use.found is not None and use.mappings for use in report.uses)
    # Eleven of OMIM's diseases are too new for Mondo, and OMIM does not say what they are part of.
    assert (report.bound, len(report.undecided)) == (Bound.LOWER, 11)
    assert {*report.undecided} == {*report.unknown}


def test_all_cases_in_ncit(federation):
    result = federation.query("SELECT ?p ?d { ?p ex:disease ?d }")
    shown = result.to_polars()
    converted = shown.filter(shown["d"].str.starts_with(PREFIXES["NCIT"]))
    assert converted["p"].n_unique() == 2778 + 7474
    assert shown["p"].n_unique() == 10_580


ICD = EX + "icd10/"


@pytest.fixture(scope="module")
def genes(hub):
    # The graph with all its own groupings (ICD10:G1, ICD10:root), which are no codes of ICD-10.
    coded = CodedPredicate("ICD10CM", ICD)
    with opened_federation(hub, list(gene_quads()), coded) as opened:
        yield opened


def gene_quads():
    path = DATA / "diseases-jensenlab" / "human_disease_knowledge_full.tsv.gz"
    with gzip.open(path, "rt") as lines:
        for line in lines:
            _, gene, code, *_ = line.split("\t")
            if code.startswith("ICD10:"):
                name = ox.NamedNode(f"{EX}gene/{gene}")
                yield ox.Quad(name, ox.NamedNode(EX + "disease"), ox.NamedNode(ICD + code[6:]))


def test_genes_by_a_broader_code_are_an_upper_bound(genes):
    text = "SELECT DISTINCT ?g { NCIT:C34373 hkg:includes ?d . ?g ex:disease ?d }"
    result = genes.query(text)
    found = set(result.to_polars()["g"].str.extract("gene/(.*)"))
    assert len(found) == 34
    assert {"SOD1", "AR", "DYNC1H1", "SMN2", "UBA1"} <= found
    assert result.certificate.bound is Bound.UPPER
    (report,) = result.certificate.conversions
    assert [use.code for use in report.uses] == ["ICD10CM:G12.2"]
    # Most of its codes are not in Mondo's mappings; but they are in other categories.
    assert len(report.unknown) > 200
    assert not report.undecided
    assert report.uncoded > 90
    assert "of its terms are no codes" in report.statement


def test_codes_within_what_was_asked_for_make_a_lower_bound(genes):
    text = "SELECT DISTINCT ?g { NCIT:C4802 hkg:includes ?d . ?g ex:disease ?d }"
    (report,) = genes.query(text).certificate.conversions
    assert report.bound is Bound.LOWER
    assert "ICD10CM:G31.8" in report.undecided
    assert f"{len(report.undecided)} left out that may be meant" in report.statement
