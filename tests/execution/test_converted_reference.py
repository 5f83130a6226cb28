"""Real data: 10,580 phenopackets coded in OMIM, asked in NCIT."""

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
def federation():
    mappings = DATA / "mondo" / "mappings"
    hub = import_files(
        [
            DATA / "ontologies-json" / "MONDO-ontology-v2026-05-05.json.zst",
            *(
                path
                for match in ("exact", "broad", "narrow")
                for path in mappings.glob(f"mondo_{match}match_*.sssom.tsv.gz")
            ),
        ]
    ).hub
    store = ox.Store()
    store.extend(quads())
    coding = MemberCoding({EX + "disease": CodedPredicate()})
    description = MemberDescription("a", coding=coding)
    with Federation(
        FederationDescription(
            "real",
            prefixes=PREFIXES,
            members=(description,),
            conversion=ConversionDescription("NCIT"),
        ),
        [Member(description, EmbeddedTransport(store))],
        hub=hub,
    ) as opened:
        yield opened


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
    assert report.bound is (Bound.LOWER if report.unknown else Bound.EXACT)


def test_all_cases_in_ncit(federation):
    result = federation.query("SELECT ?p ?d { ?p ex:disease ?d }")
    shown = result.to_polars()
    converted = shown.filter(shown["d"].str.starts_with(PREFIXES["NCIT"]))
    assert converted["p"].n_unique() == 2778 + 7474
    assert shown["p"].n_unique() == 10_580
