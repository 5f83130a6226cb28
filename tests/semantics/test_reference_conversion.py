"""Real data: 10,580 phenopackets into NCIT, and gene symbols that are no longer used."""

import io
from pathlib import Path

import pytest
from reference_files import DATA, needs_reference

from hereditary_kg.semantics.data_conversion.data_files import describe_file
from hereditary_kg.semantics.data_conversion.keeping import Keep
from hereditary_kg.semantics.data_conversion.outcomes import CodeConverter
from hereditary_kg.semantics.data_conversion.phenopackets import convert_phenopackets
from hereditary_kg.semantics.hub_files import open_hub, write_hub
from hereditary_kg.semantics.importing import import_files

pytestmark = needs_reference

DIAGNOSIS = "interpretations[].diagnosis.disease"


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    files = [
        DATA / "ontologies-json" / "MONDO-ontology-v2026-05-05.json.zst",
        DATA / "hgnc" / "hgnc_complete_set.txt.gz",
        *(
            path
            for match in ("exact", "broad", "narrow")
            for path in (DATA / "mondo" / "mappings").glob(f"mondo_{match}match_*.sssom.tsv.gz")
        ),
    ]
    directory = tmp_path_factory.mktemp("hub")
    write_hub(import_files(files).hub, directory)
    assert sum(each.stat().st_size for each in directory.iterdir()) < 300e6
    return open_hub(directory)


@pytest.mark.timeout(300)
def test_phenopackets_into_ncit(hub):
    source = DATA / "phenopacket-store" / "phenopackets.jsonl.xz"
    output = io.BytesIO()
    written = describe_file(Path("converted.jsonl"))
    converter = CodeConverter(hub, "NCIT")
    places = frozenset({DIAGNOSIS})
    report = convert_phenopackets(
        source, output, written, converter, places=places, keep=Keep.NOTHING
    )
    cases = {standing.value: count for standing, count in report.totals().occurrences.items()}
    assert cases == {"exact": 2778, "broader": 7474, "none": 224, "unknown": 104}
    assert report.totals().unconverted == 224 + 104
    lines = output.getvalue().splitlines()
    assert len(lines) == 10_580
    assert sum(line.count(b'"disease":{"id":"NCIT:') for line in lines) == 2778 + 7474


@pytest.mark.parametrize(
    ("symbol", "approved"),
    [("GBA", "GBA1"), ("PARK2", "PRKN"), ("SOD1", "SOD1"), ("MARCH1", "MARCHF1")],
)
def test_symbols_that_were_given_up(hub, symbol, approved):
    converter = CodeConverter(hub, "HGNC", symbols=True)
    (target,) = converter.targets(converter.convert(symbol))
    assert converter.written(symbol, target) == approved
