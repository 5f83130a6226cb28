"""What becomes of a code: exact, broader, narrower, none, unknown, obsolete, ambiguous."""

import pytest
from small_hub import HUB, SET

from hereditary_kg.semantics.data_conversion.outcomes import CodeConverter, Currency, Standing
from hereditary_kg.semantics.errors import UnknownTermError


@pytest.mark.parametrize(
    ("text", "to", "standing", "distance", "targets"),
    [
        ("ORPHA:803", "NCIT", "exact", 0, ("NCIT:C34373",)),
        ("Orphanet:803", "NCIT", "exact", 0, ("NCIT:C34373",)),
        ("http://www.orpha.net/ORDO/Orphanet_803", "NCIT", "exact", 0, ("NCIT:C34373",)),
        ("NCIT:C34373", "NCIT", "exact", 0, ("NCIT:C34373",)),
        ("NCIT:C1", "NCIT", "exact", 0, ("NCIT:C1",)),
        ("OMIM:105400", "NCIT", "broader", 2, ("NCIT:C34373",)),
        ("MIM:105400", "ICD10", "broader", 3, ("ICD10:G12.2",)),
        ("ICD10:G122", "NCIT", "narrower", 1, ()),
        ("OMIM:777777", "NCIT", "none", 0, ()),
        ("MONDO:0000005", "NCIT", "none", 0, ()),
        ("OMIM:123456", "NCIT", "unknown", 0, ()),
        ("OMIM:999999", "NCIT", "unknown", 0, ()),
        ("OMIM:888888", "NCIT", "exact", 0, ("NCIT:C34373",)),
        ("ORPHA:803", "DOID", "exact", 0, ("DOID:332",)),
        ("nonsense", "NCIT", "unknown", 0, ()),
        ("FOO:1", "NCIT", "unknown", 0, ()),
    ],
)
def test_standing(text, to, standing, distance, targets):
    converter = CodeConverter(HUB, to)
    outcome = converter.convert(text)
    assert (outcome.standing, outcome.distance) == (standing, distance)
    assert converter.targets(outcome) == targets
    assert outcome.converted is bool(targets)


def test_currency():
    converter = CodeConverter(HUB, "NCIT")
    replaced = converter.convert("MONDO:0000009")
    assert (replaced.standing, replaced.currency) == (Standing.EXACT, Currency.REPLACED)
    assert converter.mappings(replaced.conversions[0])[0] == "MONDO 2026-05-05 replacements"
    gone = converter.convert("MONDO:0000008")
    assert (gone.standing, gone.currency) == (Standing.UNKNOWN, Currency.OBSOLETE)
    same = CodeConverter(HUB, "MONDO")
    assert same.targets(same.convert("MONDO:0000009")) == ("MONDO:0004976",)
    assert same.targets(same.convert("MONDO:0000008")) == ()
    assert not same.convert("MONDO:0004976").changed


def test_narrower_codes_are_written_where_asked_only():
    converter = CodeConverter(HUB, "NCIT", narrower=True)
    assert converter.targets(converter.convert("ICD10:G12.2")) == ("NCIT:C34373",)


def test_one_to_many():
    first = CodeConverter(HUB, "DOID")
    assert first.convert("ORPHA:803").note == "2 codes are equally near; the first is taken"
    every = CodeConverter(HUB, "DOID", every=True)
    assert every.targets(every.convert("ORPHA:803")) == ("DOID:332", "DOID:333")


def test_only_some_vocabularies():
    converter = CodeConverter(HUB, "NCIT", only=["ORPHA"])
    assert converter.convert("OMIM:105400") is None
    assert not converter.recognise("OMIM:105400")
    assert converter.convert("ORPHA:803").converted


def test_codes_without_prefix():
    converter = CodeConverter(HUB, "MONDO", default="ICD10", narrower=True)
    outcome = converter.convert("G122")
    assert (outcome.code, converter.targets(outcome)) == ("ICD10:G12.2", ("MONDO:0004976",))


def test_unknown_vocabularies():
    with pytest.raises(UnknownTermError, match=r"vocabulary NCITT\. Did you mean NCIT"):
        CodeConverter(HUB, "NCITT")
    with pytest.raises(UnknownTermError, match="vocabulary XX"):
        CodeConverter(HUB, "NCIT", only=["XX"])


def test_the_way_and_its_mappings():
    converter = CodeConverter(HUB, "NCIT")
    (conversion,) = converter.convert("OMIM:105400").conversions
    assert converter.way(conversion) == (
        "OMIM:105400 -skos:exactMatch-> MONDO:0007103 -rdfs:subClassOf-> MONDO:0005144 "
        "-rdfs:subClassOf-> MONDO:0004976 -skos:exactMatch-> NCIT:C34373"
    )
    assert converter.mappings(conversion) == (
        f"{SET}#3",
        "MONDO 2026-05-05 hierarchy",
        f"{SET}#1",
    )


@pytest.mark.parametrize(
    ("text", "gene", "note"),
    [
        ("SOD1", "HGNC:11179", ""),
        ("GBA", "HGNC:4177", "previous symbol of GBA1 (HGNC:4177)"),
        ("PARK2", "HGNC:8607", "previous symbol of PRKN (HGNC:8607)"),
        ("parkin", "HGNC:8607", "alias of PRKN (HGNC:8607)"),
        ("sod1", "HGNC:11179", "spelt SOD1"),
        ("gba", "HGNC:4177", "spelt GBA; previous symbol of GBA1 (HGNC:4177)"),
        ("HGNC:4177", "HGNC:4177", ""),
        ("AAA", None, "previous symbol of AAA1 (HGNC:1) and AAA2 (HGNC:2)"),
        ("GONE", None, "no gene symbol that HGNC knows"),
        ("WENT", None, "no gene symbol that HGNC knows"),
        ("NOPE", None, "no gene symbol that HGNC knows"),
    ],
)
def test_gene_symbols(text, gene, note):
    converter = CodeConverter(HUB, "HGNC")
    outcome = converter.convert(text)
    assert converter.targets(outcome) == ((gene,) if gene else ())
    assert outcome.note == note
    ambiguous = outcome.standing is Standing.AMBIGUOUS
    assert ambiguous is (text == "AAA")


def test_symbols_are_written_as_symbols_where_asked():
    converter = CodeConverter(HUB, "HGNC", symbols=True)
    assert converter.written("GBA", "HGNC:4177") == "GBA1"
    assert converter.written("http://identifiers.org/hgnc/8607", "HGNC:8607") == "PRKN"
    assert CodeConverter(HUB, "HGNC").written("GBA", "HGNC:4177") == "HGNC:4177"


def test_iris_stay_iris():
    converter = CodeConverter(HUB, "NCIT")
    iri = "http://purl.obolibrary.org/obo/NCIT_C34373"
    assert converter.written("https://omim.org/entry/105400", "NCIT:C34373") == iri
    assert converter.written("OMIM:105400", "NCIT:C34373") == "NCIT:C34373"
