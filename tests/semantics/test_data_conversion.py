"""Conversion of whole files: RDF, tables, phenopackets, and the report of what was lost."""

import gzip
import io
import json
import lzma
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import RdfFormat, Store, parse
from small_hub import HUB, SET

from hereditary_kg.semantics.data_conversion.data_files import DataFormat, describe_file
from hereditary_kg.semantics.data_conversion.keeping import Keep
from hereditary_kg.semantics.data_conversion.loss_files import (
    write_loss_table,
    write_loss_turtle,
)
from hereditary_kg.semantics.data_conversion.loss_report import LOSSES, LossReport
from hereditary_kg.semantics.data_conversion.outcomes import CodeConverter, Standing
from hereditary_kg.semantics.data_conversion.phenopackets import (
    convert_packet,
    convert_phenopackets,
)
from hereditary_kg.semantics.data_conversion.rdf_data import RdfPlaces, convert_rdf
from hereditary_kg.semantics.data_conversion.tables import convert_table
from hereditary_kg.semantics.errors import UnreadableFileError
from hereditary_kg.sites.errors import LoadError

PHENOPACKETS = Path(__file__).parents[3] / "shared/data/phenopacket-store/phenopackets.jsonl.xz"
EX = "http://example.org/"
PREFIXES = """\
@prefix ex: <http://example.org/> .
@prefix obo: <http://purl.obolibrary.org/obo/> .
@prefix ordo: <http://www.orpha.net/ORDO/> .
@prefix omim: <https://omim.org/entry/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
"""
PEOPLE = (
    PREFIXES
    + """
ex:p1 a ex:Patient ; ex:has omim:105400 ; ex:age 60 .
ex:p2 ex:has ordo:Orphanet_803 , <https://omim.org/entry/105400> .
ex:p3 ex:has omim:123456 ; ex:says "OMIM:105400" .
ordo:Orphanet_803 rdfs:label "ALS"@en ; ex:gene ex:SOD1 .
_:b ex:has omim:105400 .
"""
)
NCIT = "http://purl.obolibrary.org/obo/NCIT_C34373"


def _rdf(tmp_path, text, to="NCIT", *, extension="ttl", places=None, keep=Keep.NOTHING, **more):
    source = tmp_path / "data.ttl"
    source.write_text(text)
    output = io.BytesIO()
    converter = CodeConverter(HUB, to, **more)
    written = describe_file(Path(f"out.{extension}"))
    report = convert_rdf(source, output, written, converter, places=places, keep=keep)
    return output.getvalue(), report


def _triples(content, kind=RdfFormat.TURTLE):
    return {(str(q.subject), q.predicate.value, str(q.object)) for q in parse(content, kind)}


def _lines(report):
    return {
        (each.place.replace(EX, "ex:"), each.code): (each.outcome.standing.value, each.occurrences)
        for each in report.lines
    }


def test_every_iri_that_is_a_code(tmp_path):
    content, report = _rdf(tmp_path, PEOPLE)
    triples = _triples(content)
    assert (f"<{EX}p1>", f"{EX}has", f"<{NCIT}>") in triples
    assert (f"<{EX}p3>", f"{EX}has", "<https://omim.org/entry/123456>") in triples
    assert (f"<{EX}p3>", f"{EX}says", '"OMIM:105400"') in triples
    assert (f"<{NCIT}>", f"{EX}gene", f"<{EX}SOD1>") in triples
    # A label is a label of the term that it was given to.
    label = "http://www.w3.org/2000/01/rdf-schema#label"
    assert ("<http://www.orpha.net/ORDO/Orphanet_803>", label, '"ALS"@en') in triples
    # Two codes that become one at one subject are one triple.
    assert len([each for each in triples if each[0] == f"<{EX}p2>"]) == 1
    assert _lines(report) == {
        ("ex:has", "OMIM:105400"): ("broader", 3),
        ("ex:has", "ORPHA:803"): ("exact", 1),
        ("ex:has", "OMIM:123456"): ("unknown", 1),
        ("^http://example.org/gene".replace(EX, "ex:"), "ORPHA:803"): ("exact", 1),
    }
    assert b"@prefix ex: <http://example.org/>" in content


def test_chosen_predicates(tmp_path):
    places = RdfPlaces(frozenset({f"{EX}says"}))
    content, report = _rdf(tmp_path, PEOPLE, places=places)
    triples = _triples(content)
    assert (f"<{EX}p3>", f"{EX}says", '"NCIT:C34373"') in triples
    assert (f"<{EX}p1>", f"{EX}has", "<https://omim.org/entry/105400>") in triples
    assert _lines(report) == {("ex:says", "OMIM:105400"): ("broader", 1)}
    places = RdfPlaces(subjects=frozenset({f"{EX}gene"}))
    assert (f"<{NCIT}>", f"{EX}gene", f"<{EX}SOD1>") in _triples(
        _rdf(tmp_path, PEOPLE, places=places)[0]
    )


def test_gene_symbols_in_literals(tmp_path):
    text = PREFIXES + 'ex:v1 ex:in "GBA" . ex:v2 ex:in "AAA" . ex:v3 ex:in "SOD1" .'
    places = RdfPlaces(frozenset({f"{EX}in"}))
    content, report = _rdf(tmp_path, text, "HGNC", places=places, symbols=True)
    values = {subject[-3:-1]: value for subject, _, value in _triples(content)}
    assert values == {"v1": '"GBA1"', "v2": '"AAA"', "v3": '"SOD1"'}
    assert report.totals().unconverted == 1
    content, _ = _rdf(tmp_path, text, "HGNC", places=places)
    assert '"HGNC:4177"' in {value for _, _, value in _triples(content)}


def test_original_codes_as_triples_of_their_own(tmp_path):
    plain = _triples(_rdf(tmp_path, PEOPLE)[0])
    kept = _triples(_rdf(tmp_path, PEOPLE, keep=Keep.CODES)[0])
    before = _triples(PEOPLE.encode())
    names = {each for each in kept | before | plain if not each[0].startswith("_:")}
    assert names == {each for each in plain | before if not each[0].startswith("_:")}


def test_original_codes_as_mapping_statements(tmp_path):
    content, _ = _rdf(tmp_path, PEOPLE, keep=Keep.MAPPINGS)
    store = Store()
    store.load(content, RdfFormat.TURTLE)
    rows = store.query("""
        PREFIX owl: <http://www.w3.org/2002/07/owl#> PREFIX prov: <http://www.w3.org/ns/prov#>
        SELECT ?old ?how ?new (COUNT(?basis) AS ?bases) { ?m a owl:Axiom ;
            owl:annotatedSource ?old ; owl:annotatedProperty ?how ; owl:annotatedTarget ?new ;
            prov:wasDerivedFrom ?basis } GROUP BY ?old ?how ?new""")
    found = {
        (row["old"].value, row["how"].value.rpartition("#")[2], row["new"].value) for row in rows
    }
    assert found == {
        ("https://omim.org/entry/105400", "broadMatch", NCIT),
        ("http://www.orpha.net/ORDO/Orphanet_803", "exactMatch", NCIT),
    }
    assert content == _rdf(tmp_path, PEOPLE, keep=Keep.MAPPINGS)[0]
    assert f"<{SET}#1>".encode() in content


def test_all_equally_near_codes_are_statements_of_their_own(tmp_path):
    text = PREFIXES + "ex:p ex:has ordo:Orphanet_803 ."
    assert len(_triples(_rdf(tmp_path, text, "DOID")[0])) == 1
    assert len(_triples(_rdf(tmp_path, text, "DOID", every=True)[0])) == 2


def test_named_graphs_stay(tmp_path):
    source = tmp_path / "data.nq.gz"
    statement = "<urn:p> <urn:has> <https://omim.org/entry/105400> <urn:g> .\n"
    source.write_bytes(gzip.compress(statement.encode()))
    output = io.BytesIO()
    written = describe_file(Path("x.trig"))
    convert_rdf(source, output, written, CodeConverter(HUB, "NCIT"), keep=Keep.NOTHING)
    (quad,) = parse(output.getvalue(), RdfFormat.TRIG)
    assert (quad.graph_name.value, quad.object.value) == ("urn:g", NCIT)


def test_broken_rdf_names_the_place(tmp_path):
    with pytest.raises(LoadError, match=r"data\.ttl:2:"):
        _rdf(tmp_path, "<urn:a> <urn:b> <urn:c> .\n<urn:a> <urn:b> .\n")


def _table(tmp_path, text, to="NCIT", *, name="in.tsv", out="out.tsv", keep=Keep.MAPPINGS, **more):
    source = tmp_path / name
    source.write_bytes(text if isinstance(text, bytes) else text.encode())
    converter = CodeConverter(HUB, to, **more.pop("options", {}))
    output = io.BytesIO()
    written = describe_file(Path(out))
    report = convert_table(source, output, written, converter, keep=keep, **more)
    return output.getvalue(), report


TABLE = 'person\tdisease\tnote\np1\tOMIM:105400\tsays "hm"\np2\tOMIM:123456\t\np3\t\tx|y\n'


def test_a_table(tmp_path):
    content, report = _table(tmp_path, TABLE)
    rows = [line.split("\t") for line in content.decode().splitlines()]
    assert rows[0] == [
        "person",
        "disease",
        "disease_original",
        "disease_relation",
        "disease_mappings",
        "note",
    ]
    assert rows[1][:4] == ["p1", "NCIT:C34373", "OMIM:105400", "broader 2"]
    assert rows[1][4] == f"{SET}#3 MONDO_2026-05-05_hierarchy {SET}#1"
    assert rows[1][5] == 'says "hm"'
    assert rows[2] == ["p2", "OMIM:123456", "OMIM:123456", "unknown", "", ""]
    assert rows[3] == ["p3", "", "", "", "", "x|y"]
    assert _lines(report) == {
        ("disease", "OMIM:105400"): ("broader", 1),
        ("disease", "OMIM:123456"): ("unknown", 1),
    }


def test_what_is_not_converted_stays_byte_for_byte(tmp_path):
    text = "# mapping_set_id: x\n" + TABLE.replace("OMIM:105400", "OMIM:777777").replace(
        "p3", "Zoë"
    )
    content, _ = _table(tmp_path, text, keep=Keep.NOTHING)
    assert content.decode() == text


def test_a_table_without_a_header(tmp_path):
    content, report = _table(
        tmp_path, "a\tORPHA:803\nb\tOMIM:777777\n", keep=Keep.NOTHING, headed=False
    )
    assert content.decode() == "a\tNCIT:C34373\nb\tOMIM:777777\n"
    assert report.places == ("2",)


def test_columns_of_codes_without_prefix_are_found(tmp_path):
    text = "id,disease\nP1,105400\nP2,123456\n"
    options = {"default": "OMIM"}
    content, _ = _table(
        tmp_path, text, name="in.csv", out="o.csv", keep=Keep.NOTHING, options=options
    )
    assert content.decode() == "id,disease\nP1,NCIT:C34373\nP2,123456\n"


def test_several_codes_in_a_cell(tmp_path):
    text = "id,codes\n1,OMIM:105400|ORPHA:803\n2,ORPHA:803|OMIM:123456\n"
    content, report = _table(tmp_path, text, name="in.csv", out="out.csv", keep=Keep.CODES)
    assert content.decode().splitlines()[1:] == [
        "1,NCIT:C34373,OMIM:105400|ORPHA:803",
        "2,NCIT:C34373|OMIM:123456,ORPHA:803|OMIM:123456",
    ]
    assert _lines(report)["codes", "ORPHA:803"] == ("exact", 2)


def test_all_equally_near_codes_are_rows_of_their_own(tmp_path):
    text = "id\tcode\n1\tORPHA:803\n2\tOMIM:777777\n"
    content, _ = _table(tmp_path, text, "DOID", keep=Keep.NOTHING, options={"every": True})
    assert content.decode() == "id\tcode\n1\tDOID:332\n1\tDOID:333\n2\tOMIM:777777\n"


def test_quoted_cells(tmp_path):
    text = 'id,code,note\n1,ORPHA:803,"a, ""b""\nc"\n'
    content, _ = _table(tmp_path, text, name="in.csv", out="o.csv", keep=Keep.NOTHING)
    assert content.decode() == text.replace("ORPHA:803", "NCIT:C34373")
    tabbed = 'id\tcode\tnote\n1\tORPHA:803\t"a\tb"\n'
    content, _ = _table(tmp_path, tabbed, keep=Keep.NOTHING)
    assert content.decode() == tabbed.replace("ORPHA:803", "NCIT:C34373")


def test_parquet_keeps_the_types_of_other_columns(tmp_path):
    frame = pl.DataFrame({"n": [1, 2], "code": ["ORPHA:803", None], "d": [[1.5], []]})
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    content, _ = _table(
        tmp_path, buffer.getvalue(), name="in.parquet", out="o.parquet", keep=Keep.NOTHING
    )
    read = pl.read_parquet(io.BytesIO(content))
    assert read.schema == frame.schema
    assert read["code"].to_list() == ["NCIT:C34373", None]


def test_numbers_as_codes(tmp_path):
    frame = pl.DataFrame({"omim": [105400, 123456]})
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    options = {"default": "OMIM"}
    content, _ = _table(
        tmp_path,
        buffer.getvalue(),
        name="in.parquet",
        columns=["omim"],
        keep=Keep.NOTHING,
        options=options,
    )
    assert content.decode() == "omim\nNCIT:C34373\n123456\n"


def test_gene_columns_are_found(tmp_path):
    text = "gene\tword\nGBA\tone\nPARK2\ttwo\nAAA\tthree\nSOD1\tfour\nHGNC:1\tfive\nNOPE\tsix\n"
    content, report = _table(tmp_path, text, "HGNC", keep=Keep.NOTHING, options={"symbols": True})
    genes = [line.split("\t")[0] for line in content.decode().splitlines()[1:]]
    assert genes == ["GBA1", "PRKN", "AAA", "SOD1", "AAA1", "NOPE"]
    standings = Counter(each.outcome.standing for each in report.lines)
    assert standings == {Standing.EXACT: 4, Standing.AMBIGUOUS: 1, Standing.UNKNOWN: 1}


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        ("a,b\n1,2\n1,2,3\n", "in.csv", r"in\.csv:3: there are 3 cells, and 2 columns"),
        ("a\tb\n1\n", "in.tsv", r"in\.tsv:2: there are 1 cells, and 2 columns"),
        ("a,b\n1,2\n", "in.csv", r"in none of its columns \(a, b\) are codes\. Say with --column"),
        ("", "in.csv", "no line with the names"),
        (b"a,b\n1,2\n\xff,2\n", "in.csv", r"in\.csv:3: it is not UTF-8"),
        (b"PAR1", "in.parquet", "it is no Parquet file"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path, content, name, words):
    with pytest.raises(UnreadableFileError, match=words):
        _table(tmp_path, content, name=name)


def test_columns_that_are_not_there(tmp_path):
    with pytest.raises(UnreadableFileError, match="no column 'diseas'; it has person, disease"):
        _table(tmp_path, TABLE, columns=["diseas"])


PACKET = {
    "id": "x",
    "subject": {"id": "OMIM:105400", "sex": "MALE"},
    "phenotypicFeatures": [{"type": {"id": "HP:0001283", "label": "Bulbar palsy"}}],
    "diseases": [
        {"term": {"id": "OMIM:105400", "label": "ALS1"}, "onset": {"age": "P6Y"}},
        {"term": {"id": "OMIM:123456", "label": "?"}, "excluded": True},
    ],
    "interpretations": [
        {
            "id": "1",
            "diagnosis": {
                "disease": {"id": "ORPHA:803", "label": "ALS"},
                "genomicInterpretations": [{"gene": {"valueId": "HGNC:4177", "symbol": "GBA"}}],
            },
        }
    ],
    "metaData": {"resources": [{"id": "hp", "namespacePrefix": "HP"}], "createdBy": "me"},
}


def _packet(to="NCIT", packet=PACKET, keep=Keep.NOTHING, places=frozenset(), **options):
    before = json.dumps(packet)
    converter = CodeConverter(HUB, to, **options)
    report = LossReport(converter)
    converted = convert_packet(packet, converter, report, keep=keep, places=places)
    assert json.dumps(packet) == before
    return converted, report


def test_a_phenopacket():
    converted, report = _packet()
    assert converted["subject"] == PACKET["subject"]
    assert converted["phenotypicFeatures"] == PACKET["phenotypicFeatures"]
    assert converted["diseases"] == [
        {
            "term": {"id": "NCIT:C34373", "label": "Amyotrophic Lateral Sclerosis"},
            "onset": {"age": "P6Y"},
        },
        PACKET["diseases"][1],
    ]
    diagnosis = converted["interpretations"][0]["diagnosis"]
    assert diagnosis["disease"]["id"] == "NCIT:C34373"
    assert diagnosis["genomicInterpretations"] == [
        {"gene": {"valueId": "HGNC:4177", "symbol": "GBA"}}
    ]
    prefixes = [each["namespacePrefix"] for each in converted["metaData"]["resources"]]
    assert prefixes == ["HP", "NCIT"]
    assert _lines(report) == {
        ("diseases[].term", "OMIM:105400"): ("broader", 1),
        ("diseases[].term", "OMIM:123456"): ("unknown", 1),
        ("interpretations[].diagnosis.disease", "ORPHA:803"): ("exact", 1),
        ("phenotypicFeatures[].type", "HP:0001283"): ("unknown", 1),
    }


def test_a_phenopackets_metadata_say_what_was_converted():
    converted, _ = _packet(keep=Keep.MAPPINGS, places=frozenset({"diseases[].term"}))
    assert converted["metaData"]["externalReferences"] == [
        {
            "id": "OMIM:105400",
            "description": "OMIM:105400 converted to NCIT:C34373: broader, 2 steps; by "
            f"{SET}#3, MONDO 2026-05-05 hierarchy, {SET}#1",
        }
    ]
    assert converted["interpretations"] == PACKET["interpretations"]


def test_genes_of_a_phenopacket():
    converted, report = _packet("HGNC", only=["HGNC"])
    gene = converted["interpretations"][0]["diagnosis"]["genomicInterpretations"][0]["gene"]
    assert gene == {"valueId": "HGNC:4177", "symbol": "GBA"}
    assert len(list(report.lines)) == 1


def test_a_list_has_all_equally_near_codes_where_asked():
    packet = {
        "id": "x",
        "diseases": [{"term": {"id": "ORPHA:803", "label": "ALS"}, "laterality": 1}],
    }
    converted, _ = _packet("DOID", packet, every=True)
    assert [each["term"]["id"] for each in converted["diseases"]] == ["DOID:332", "DOID:333"]
    assert {each["laterality"] for each in converted["diseases"]} == {1}


def test_files_of_phenopackets(tmp_path):
    path = tmp_path / "in.jsonl.xz"
    path.write_bytes(lzma.compress((json.dumps(PACKET) + "\n\n" + json.dumps(PACKET)).encode()))
    output = io.BytesIO()
    converter = CodeConverter(HUB, "NCIT")
    report = convert_phenopackets(path, output, describe_file(Path("o.json.gz")), converter)
    assert len(json.loads(gzip.decompress(output.getvalue()))) == 2
    assert report.totals("diseases[].term").occurrences[Standing.BROADER] == 2
    path = tmp_path / "in.json"
    path.write_text(json.dumps(PACKET))
    output = io.BytesIO()
    convert_phenopackets(path, output, describe_file(path), converter)
    assert json.loads(output.getvalue())["id"] == "x"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"id": "x"}\n{"id": \n', r"in\.jsonl:2: it is not JSON"),
        (b'{"id": "x"}\n[1]\n', r"in\.jsonl:2: there is no phenopacket"),
    ],
)
def test_phenopackets_that_cannot_be_read(tmp_path, content, words):
    path = tmp_path / "in.jsonl"
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=words):
        convert_phenopackets(path, io.BytesIO(), describe_file(path), CodeConverter(HUB, "NCIT"))


@pytest.mark.parametrize("damage", [lambda text: text[:-20], lambda text: b"x" + text[1:]])
def test_damaged_compression(tmp_path, damage):
    path = tmp_path / "in.jsonl.xz"
    path.write_bytes(damage(lzma.compress(b'{"id": "x"}\n')))
    with pytest.raises(UnreadableFileError, match="compressed file is damaged"):
        convert_phenopackets(path, io.BytesIO(), describe_file(path), CodeConverter(HUB, "NCIT"))


def test_unknown_extensions(tmp_path):
    assert describe_file(Path("a.b.TSV.gz")) == DataFormat("table", "tsv", ".gz")
    assert describe_file(Path("a.txt"), "csv").extension == "csv"
    with pytest.raises(UnreadableFileError, match=r"'\.docx' tells no format.*\.ttl"):
        describe_file(Path("a.docx"))


def test_the_loss_report_as_a_table(tmp_path):
    _, report = _rdf(tmp_path, PEOPLE)
    output = io.BytesIO()
    write_loss_table(report, output)
    frame = pl.read_csv(output.getvalue(), separator="\t", schema=LOSSES)
    assert frame.equals(report.frame())
    row = frame.row(by_predicate=pl.col("code") == "OMIM:105400", named=True)
    assert (row["relation"], row["distance"], row["occurrences"]) == ("broader", 2, 3)
    assert row["target_label"] == "Amyotrophic Lateral Sclerosis"
    assert row["mappings"].split("|")[0] == f"{SET}#3"
    assert frame.filter(~pl.col("converted"))["code"].to_list() == ["OMIM:123456"]


def test_the_loss_report_as_rdf(tmp_path):
    _, report = _rdf(tmp_path, PEOPLE)
    output = io.BytesIO()
    write_loss_turtle(report, output, "urn:in", "urn:out")
    store = Store()
    store.load(output.getvalue(), RdfFormat.TURTLE)
    prefixes = """PREFIX dqv: <http://www.w3.org/ns/dqv#> PREFIX loss: <urn:hkg:loss:>
        PREFIX owl: <http://www.w3.org/2002/07/owl#> PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
        PREFIX prov: <http://www.w3.org/ns/prov#>"""
    (total,) = store.query(
        prefixes
        + """SELECT ?n { <urn:out> dqv:hasQualityMeasurement ?m .
        ?m dqv:isMeasurementOf loss:broaderOccurrences ; dqv:value ?n }"""
    )
    assert total["n"].value == "3"
    lines = store.query(
        prefixes
        + """SELECT ?code ?new { ?l a loss:Line ; loss:code ?code ; loss:occurrences 3 ;
        loss:distance 2 ; owl:annotatedProperty skos:broadMatch ; owl:annotatedTarget ?new ;
        prov:wasDerivedFrom ?basis } GROUP BY ?code ?new"""
    )
    assert [(row["code"].value, row["new"].value) for row in lines] == [("OMIM:105400", NCIT)]


CODES = ["OMIM:105400", "ORPHA:803", "OMIM:123456", "OMIM:777777", "MONDO:0000009", "junk", "FOO:1"]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(CODES)), max_size=30))
def test_nothing_is_dropped_without_a_line(rows):
    converter = CodeConverter(HUB, "NCIT")
    report = LossReport(converter)
    for place, code in rows:
        report.add(place, converter.convert(code))
    assert sum(report.totals().occurrences.values()) == len(rows)
    assert {(each.place, each.outcome.text) for each in report.lines} == set(rows)
    left = [code for _, code in rows if not converter.targets(converter.convert(code))]
    assert report.totals().unconverted == len(left)
