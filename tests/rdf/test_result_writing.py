import csv
import io
import json
from xml.etree import ElementTree

import polars as pl
import pytest
from hypothesis import given
from term_strategies import solution_frames

from hereditary_kg.rdf.errors import ResultError, UnknownFormatError
from hereditary_kg.rdf.media_types import ResultFormat
from hereditary_kg.rdf.result_writing import SolutionWriter, write_boolean
from hereditary_kg.rdf.terms import IRI, XSD, BlankNode, parse_term

FRAME = pl.DataFrame(
    {
        "x": ["<http://example.org/a?b&c>", "_:b0", None],
        "y": ['"a, \\"b\\"\\n<c> \\\\n"@en', f'"1"^^<{XSD}integer>', '""'],
    }
)


def write(frame, result_format, variables=None):
    writer = SolutionWriter(variables or frame.columns, result_format)
    return writer.header() + writer.rows(frame) + writer.footer()


def test_tsv_is_the_canonical_text():
    assert write(FRAME, "tsv").decode() == (
        "?x\t?y\n"
        '<http://example.org/a?b&c>\t"a, \\"b\\"\\n<c> \\\\n"@en\n'
        f'_:b0\t"1"^^<{XSD}integer>\n'
        '\t""\n'
    )


def test_csv_is_plain_values():
    assert write(FRAME, "csv").decode() == (
        'x,y\r\nhttp://example.org/a?b&c,"a, ""b""\n<c> \\n"\r\n_:b0,1\r\n,""\r\n'
    )


def test_json_is_the_objects_of_the_recommendation():
    assert json.loads(write(FRAME, "json")) == {
        "head": {"vars": ["x", "y"]},
        "results": {
            "bindings": [
                {
                    "x": {"type": "uri", "value": "http://example.org/a?b&c"},
                    "y": {"type": "literal", "value": 'a, "b"\n<c> \\n', "xml:lang": "en"},
                },
                {
                    "x": {"type": "bnode", "value": "b0"},
                    "y": {"type": "literal", "value": "1", "datatype": XSD + "integer"},
                },
                {"y": {"type": "literal", "value": ""}},
            ]
        },
    }


def test_xml_is_the_elements_of_the_recommendation():
    document = write(FRAME, "xml").decode()
    assert ElementTree.canonicalize(document, strip_text=True) == ElementTree.canonicalize(
        f"""<sparql xmlns="http://www.w3.org/2005/sparql-results#">
        <head><variable name="x"/><variable name="y"/></head>
        <results>
        <result>
          <binding name="x"><uri>http://example.org/a?b&amp;c</uri></binding>
          <binding name="y"><literal xml:lang="en">a, "b"&#10;&lt;c&gt; \\n</literal></binding>
        </result>
        <result>
          <binding name="x"><bnode>b0</bnode></binding>
          <binding name="y"><literal datatype="{XSD}integer">1</literal></binding>
        </result>
        <result><binding name="y"><literal/></binding></result>
        </results></sparql>""",
        strip_text=True,
    )


def _plain(text):
    if text is None:
        return ""
    match parse_term(text):
        case IRI(value):
            return value
        case BlankNode(label):
            return f"_:{label}"
        case literal:
            return literal.lexical


@given(frame=solution_frames())
def test_another_reader_of_csv_finds_the_plain_values(frame):
    document = write(frame, "csv").decode()
    rows = list(csv.reader(io.StringIO(document, newline="")))
    assert rows[0] == frame.columns
    expected = [[_plain(cell) for cell in row] for row in frame.rows()]
    if frame.width == 0:
        expected = [[]] * frame.height
    # An unbound single column is an empty line, which the reader of the standard library
    # gives as no field.
    assert [row or [""] * frame.width for row in rows[1:]] == expected


def _object(text):
    match parse_term(text):
        case IRI(value):
            return {"type": "uri", "value": value}
        case BlankNode(label):
            return {"type": "bnode", "value": label}
        case literal:
            term = {"type": "literal", "value": literal.lexical}
            if literal.language is not None:
                return {**term, "xml:lang": literal.language}
            if literal.datatype != XSD + "string":
                return {**term, "datatype": literal.datatype}
            return term


@given(frame=solution_frames())
def test_another_reader_of_json_finds_the_same_objects(frame):
    content = json.loads(write(frame, "json"))
    assert content["head"] == {"vars": frame.columns}
    expected = [
        {name: _object(text) for name, text in row.items() if text is not None}
        for row in frame.iter_rows(named=True)
    ]
    assert content["results"]["bindings"] == (expected or [{}] * frame.height)


@pytest.mark.parametrize("result_format", list(ResultFormat))
def test_rows_may_come_in_any_number_of_frames(result_format):
    writer = SolutionWriter(["x", "y"], result_format)
    frames = [FRAME.clear(), FRAME[:1], FRAME.clear(), FRAME[1:2], FRAME[2:]]
    document = writer.header() + b"".join(map(writer.rows, frames)) + writer.footer()
    assert document == write(FRAME, result_format)


def test_columns_are_put_in_order_missing_ones_are_unbound_others_left_out():
    assert write(FRAME, "tsv", ["y", "z", "x"]) == write(
        FRAME.select("y", pl.lit(None, dtype=pl.String).alias("z"), "x"), "tsv"
    )
    assert write(FRAME, "csv", ["z"]) == b"z\r\n\r\n\r\n\r\n"


def test_solutions_without_variables_are_counted():
    frame = pl.DataFrame(height=2)
    assert write(frame, "tsv") == b"\n\n\n"
    assert write(frame, "csv") == b"\r\n\r\n\r\n"
    assert json.loads(write(frame, "json"))["results"]["bindings"] == [{}, {}]
    assert write(frame, "xml").count(b"<result>") == 2


def test_all_columns_unbound_is_an_empty_object():
    frame = pl.DataFrame({"x": [None]}, schema={"x": pl.String})
    assert json.loads(write(frame, "json"))["results"]["bindings"] == [{}]
    assert write(frame, "xml").count(b"<binding") == 0


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x0c", "\x1f", "\ufffe", "\uffff"])
def test_what_xml_cannot_hold_is_refused_by_name(character):
    frame = pl.DataFrame({"x": ["<a>", f'"a{character}b"']})
    with pytest.raises(ResultError, match=rf"\?x .*U\+{ord(character):04X}.*JSON or TSV"):
        write(frame, "xml")
    assert json.loads(write(frame, "json"))["results"]["bindings"][1]["x"]["value"] == (
        f"a{character}b"
    )


@pytest.mark.parametrize(
    ("result_format", "document"),
    [
        ("json", b'{"head":{},"boolean":true}\n'),
        ("tsv", b"true\n"),
        ("csv", b"true\n"),
    ],
)
def test_booleans(result_format, document):
    assert write_boolean(True, result_format) == document
    assert write_boolean(False, result_format) == document.replace(b"true", b"false")


def test_a_boolean_in_xml():
    root = ElementTree.fromstring(write_boolean(False, "xml"))
    namespace = "{http://www.w3.org/2005/sparql-results#}"
    assert [child.tag for child in root] == [namespace + "head", namespace + "boolean"]
    assert root.findtext(namespace + "boolean") == "false"


def test_an_unknown_format_is_refused():
    with pytest.raises(UnknownFormatError, match="tsv"):
        SolutionWriter(["x"], "tvs")
