import asyncio
import json

import polars as pl
import pyoxigraph
import pytest
from hypothesis import given
from hypothesis import strategies as st
from term_strategies import legal_in_xml, solution_frames

from hereditary_kg.rdf.media_types import ResultFormat
from hereditary_kg.rdf.result_reading import ResultError, parse_tsv, read_boolean, read_solutions
from hereditary_kg.rdf.result_writing import SolutionWriter, write_boolean
from hereditary_kg.rdf.terms import IRI, XSD, BlankNode, Literal

READ_FORMATS = ["tsv", "json", "xml"]
MEDIA_TYPES = {name: ResultFormat.named(name).media_type for name in READ_FORMATS}
OXIGRAPH_FORMATS = {
    "tsv": pyoxigraph.QueryResultsFormat.TSV,
    "json": pyoxigraph.QueryResultsFormat.JSON,
    "xml": pyoxigraph.QueryResultsFormat.XML,
}


async def pieces(*chunks):
    for chunk in chunks:
        await asyncio.sleep(0)
        yield chunk


def read_batches(media_type, *chunks):
    async def read():
        return [frame async for frame in read_solutions(pieces(*chunks), media_type)]

    return asyncio.run(read())


def read(media_type, *chunks):
    return pl.concat(read_batches(MEDIA_TYPES.get(media_type, media_type), *chunks))


def ask(media_type, *chunks):
    return asyncio.run(read_boolean(pieces(*chunks), MEDIA_TYPES.get(media_type, media_type)))


def write(frame, name):
    writer = SolutionWriter(frame.columns, name)
    return writer.header() + writer.rows(frame) + writer.footer()


def same(left, right):
    return left.columns == right.columns and left.shape == right.shape and left.equals(right)


FRAME = pl.DataFrame(
    {
        "x": [
            "<http://example.org/é>",
            "_:b0",
            None,
            '"1"^^<http://www.w3.org/2001/XMLSchema#int>',
        ],
        "y": ['"a },{ \\"b\\"\\n"@en', None, None, '"</literal>&"'],
    }
)
DOCUMENTS = {name: write(FRAME, name) for name in READ_FORMATS}


@pytest.mark.parametrize("name", READ_FORMATS)
@given(frame=solution_frames(), data=st.data())
def test_what_is_written_is_read_back(name, frame, data):
    if name == "xml" and not legal_in_xml(frame):
        return
    document = write(frame, name)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(document)), max_size=4)))
    chunks = [document[i:j] for i, j in zip([0, *cuts], [*cuts, len(document)], strict=True)]
    batches = read_batches(MEDIA_TYPES[name], *chunks)
    assert all(batch.columns == frame.columns for batch in batches)
    assert all(set(batch.dtypes) <= {pl.String} for batch in batches)
    assert same(pl.concat(batches), frame)


@given(frame=solution_frames())
def test_a_whole_tsv_document_is_parsed_at_once(frame):
    assert same(parse_tsv(write(frame, "tsv")), frame)


TSV_FIELDS = st.sampled_from(
    [
        *(b"", b"<http://a/b>", b"<http://a/\xc3\xa9>", b"_:b0", b"1", b"-2.50", b"1e3", b"true"),
        *(b'"a"', b"'a'", b'"a"@EN', b'"a\\tb"', b'"\\u00e9"', b'"\xe2\x80\xa8"', b'"a"^^xsd:int'),
        *(b'"\r"', b'"', b"word", b"#a", b" 1", b'"\xff"', b'""', b"<a b>", b"null", b"\x00"),
    ]
)


@given(data=st.data(), width=st.integers(1, 3))
def test_few_lines_are_read_as_many_are(data, width):
    rows = st.lists(TSV_FIELDS, min_size=max(1, width - 1), max_size=width + 1)
    whole = st.lists(TSV_FIELDS, min_size=width, max_size=width)
    lines = b"".join(
        b"\t".join(row) + data.draw(st.sampled_from([b"\n", b"\n", b"\r\n"]))
        for row in data.draw(st.lists(st.one_of(whole, whole, whole, rows), min_size=1, max_size=4))
    )
    header = b"\t".join(b"?%c" % (ord("a") + n) for n in range(width)) + b"\n"

    def parse(document):
        try:
            return parse_tsv(document).head(lines.count(b"\n"))
        except ResultError:
            return None

    few, many = parse(header + lines), parse(header + lines * 600)
    assert (few is None) == (many is None)
    assert few is None or same(few, many)


@pytest.mark.parametrize("name", READ_FORMATS)
def test_a_chunk_may_end_at_every_byte(name):
    document = DOCUMENTS[name]
    for cut in range(len(document) + 1):
        assert same(read(name, document[:cut], document[cut:]), FRAME)
    assert same(read(name, *(bytes([byte]) for byte in document)), FRAME)


@pytest.mark.parametrize("name", ["json", "xml"])
def test_a_document_cut_at_any_byte_is_refused(name):
    document = DOCUMENTS[name].rstrip(b"\n")
    for cut in range(len(document)):
        with pytest.raises(ResultError):
            read(name, document[:cut])


def test_a_tsv_document_cut_inside_a_line_is_refused():
    document = DOCUMENTS["tsv"]
    for cut in range(len(document)):
        if document[:cut].endswith(b"\n"):
            continue
        with pytest.raises(ResultError):
            read("tsv", document[:cut])
        with pytest.raises(ResultError):
            parse_tsv(document[:cut])


@pytest.mark.parametrize("name", READ_FORMATS)
def test_rows_before_a_defect_come_before_the_error(name):
    many = pl.concat([FRAME] * 10)
    document = write(many, name)
    seen = []

    async def consume():
        half = len(document) // 2
        chunks = pieces(document[:half], document[half:-20])
        async for frame in read_solutions(chunks, MEDIA_TYPES[name]):
            seen.append(frame)  # noqa: PERF401  those before the error are wanted

    with pytest.raises(ResultError):
        asyncio.run(consume())
    rows = pl.concat(seen)
    assert 0 < rows.height < many.height
    assert same(rows, many.head(rows.height))


@pytest.mark.parametrize("name", READ_FORMATS)
def test_the_first_rows_do_not_wait_for_the_rest(name):
    document = write(pl.concat([FRAME] * 1000), name)
    taken = 0

    async def chunks():
        nonlocal taken
        for start in range(0, len(document), 2000):
            taken += 1
            yield document[start : start + 2000]

    async def first_rows():
        solutions = read_solutions(chunks(), MEDIA_TYPES[name])
        async for frame in solutions:
            if frame.height:
                await solutions.aclose()
                return frame.height
        return 0

    assert asyncio.run(first_rows()) > 0
    assert taken <= 2


@pytest.mark.parametrize("name", READ_FORMATS)
@pytest.mark.parametrize("frame", [FRAME.clear(), pl.DataFrame(height=0), pl.DataFrame(height=3)])
def test_sequences_without_rows_or_without_variables(name, frame):
    assert same(read(name, write(frame, name)), frame)


def _oxigraph_store():
    store = pyoxigraph.Store()
    values = {
        "integer": ["1", "-01", "", "abc", "12345678901234567890123", " 1 "],
        "decimal": ["1.50", "1", "+1.5", ".5", "1.", "0.000000000000000001"],
        "double": ["1000", "1e3", "INF", "-INF", "NaN", "1e400", "-0.0"],
        "float": ["1.0E3", "nan"],
        "boolean": ["true", "1", "0", "yes"],
        "date": ["2020-02-29", "2020-01-01Z", "20200101"],
        "dateTime": ["2020-01-01T00:00:00Z", "2020-01-01T24:00:00", "x"],
        "time": ["10:00:00"],
        "duration": ["P1Y2M", "-P1D"],
        "yearMonthDuration": ["P1Y"],
        "dayTimeDuration": ["PT5S"],
        "gYear": ["2020"],
        "int": ["5"],
        "byte": ["300"],
        "string": ["a\x01\x0b\x0c\x1f\x7f\x85\u2028\"'\\\b\t\n\r", "", "é😀"],
        "anyURI": ["http://example.org/"],
    }
    predicate = pyoxigraph.NamedNode("http://example.org/value")
    objects = [
        pyoxigraph.Literal(text, datatype=pyoxigraph.NamedNode(XSD + datatype))
        for datatype, texts in values.items()
        for text in texts
    ]
    objects += [
        pyoxigraph.Literal("x", language="en-GB"),
        pyoxigraph.Literal("x", language="de"),
        pyoxigraph.NamedNode("http://example.org/é/日?a=b&c#d'"),
        pyoxigraph.BlankNode(),
        pyoxigraph.BlankNode("a.b"),
        pyoxigraph.Literal("x", datatype=pyoxigraph.NamedNode("http://example.org/own")),
    ]
    for term in objects:
        store.add(pyoxigraph.Quad(pyoxigraph.NamedNode("http://example.org/s"), predicate, term))
    return store


def _canonical(term):
    match term:
        case None:
            return None
        case pyoxigraph.NamedNode():
            return IRI(term.value).text
        case pyoxigraph.BlankNode():
            return BlankNode(term.value).text
        case _:
            return Literal(term.value, term.datatype.value, term.language).text


@pytest.mark.parametrize("name", READ_FORMATS)
def test_every_datatype_that_oxigraph_writes_is_read(name):
    store = _oxigraph_store()
    query = "SELECT ?o ?unbound ?s { ?s ?p ?o }"
    if name == "xml":
        query = query.replace("}", 'FILTER(!regex(str(?o), "[\\u0001\\u000b\\u000c]")) }')
    document = store.query(query).serialize(format=OXIGRAPH_FORMATS[name])
    expected = [(_canonical(row["o"]), None, _canonical(row["s"])) for row in store.query(query)]
    assert len(expected) > 40
    assert sorted(read(name, document).rows()) == sorted(expected)


@pytest.mark.parametrize("name", READ_FORMATS)
@given(frame=solution_frames())
def test_oxigraph_reads_what_is_written(name, frame):
    if name == "xml" and not legal_in_xml(frame):
        return
    results = pyoxigraph.parse_query_results(write(frame, name), OXIGRAPH_FORMATS[name])
    assert [variable.value for variable in results.variables] == frame.columns
    rows = [tuple(_canonical(term) for term in solution) for solution in results]
    assert len(rows) == frame.height
    assert rows == frame.rows() or frame.width == 0


# TSV


def test_crlf_and_a_byte_order_mark_are_taken():
    document = "\ufeff?x\t?y\r\n<a>\t1\r\n\t\r\n".encode()
    frame = read("tsv", document)
    assert frame.columns == ["x", "y"]
    assert frame.rows() == [("<a>", f'"1"^^<{XSD}integer>'), (None, None)]
    assert read("tsv", b"\r\n\r\n\r\n").shape == (2, 0)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"", "is empty"),
        (b"\n1\n", "instead of 0"),
        (b"?x\t?y\n1\n", "line 2 .* 1 fields instead of 2"),
        (b"?x\t?y\n1\t2\n1\t2\t3\n", "line 3 .* 3 fields instead of 2"),
        (b"?x\t?y\n1\n1\t2\t3\n", "line 2 .* 1 fields instead of 2"),
        (b"?x\t?y\n1\t2\n\n", "line 3 .* 1 fields instead of 2"),
        (b"?x\n1\t2\n", "line 2 .* 2 fields instead of 1"),
        (b"?x\n1\n\xff\n", "line 3 .* is not UTF-8"),
        (b"?x\nfoo\n", "'foo', which is not an RDF term"),
        (b"?x\t?x\n", "twice"),
        (b"true\n", "not a SPARQL TSV document"),
        (b"x,y\r\n1,2\r\n", "not a SPARQL TSV document"),
        (b"\xff\xfe?\x00\n", "not a SPARQL TSV document"),
        (b"?x\n\x1f\x8b\x08\x00junk\n", "line 2 .* is not UTF-8"),
        (b"?x\n(\xb5/\xfd\n", "line 2 .* is not UTF-8"),
    ],
)
def test_malformed_tsv_is_refused(document, message):
    with pytest.raises(ResultError, match=message):
        read("tsv", document)
    with pytest.raises(ResultError, match=message):
        parse_tsv(document)


@pytest.mark.parametrize("name", READ_FORMATS)
def test_a_web_page_is_refused_with_its_beginning(name):
    page = b"<!DOCTYPE html>\n<html><body>Bad gateway" + b"." * 500 + b"</body></html>\n"
    with pytest.raises(ResultError) as caught:
        read(name, page)
    start = str(caught.value)
    assert "<!DOCTYPE html>" in start
    if name != "tsv":
        assert repr(page[:200].decode())[1:-1] in start
    assert len(start) < 500


def test_an_answer_of_another_type_is_refused_with_its_beginning():
    with pytest.raises(ResultError, match=r"text/html.*Bad gateway"):
        read("text/html; charset=utf-8", b"<p>Bad gateway</p>")
    with pytest.raises(ResultError, match="text/csv"):
        read("text/csv", b"x\r\n1\r\n")
    with pytest.raises(ResultError, match="unknown"):
        ask("", b"true")


def test_other_character_sets_than_utf_8_are_refused():
    assert read('text/tab-separated-values; charset="UTF-8"', b"?x\n1\n").height == 1
    with pytest.raises(ResultError, match="iso-8859-1"):
        read("text/tab-separated-values; charset=ISO-8859-1", b"?x\n1\n")


# JSON


def results(*bindings, names=("x", "y")):
    return {"head": {"vars": list(names)}, "results": {"bindings": list(bindings)}}


TERM = {"type": "uri", "value": "http://example.org/a"}


def test_json_has_older_spellings_too():
    content = results(
        {"x": {"type": "typed-literal", "value": "1", "datatype": XSD + "integer"}, "y": TERM},
        {"x": {"type": "literal", "value": "a", "xml:lang": "EN"}},
        {"x": {"type": "literal", "value": "a", "datatype": XSD + "string"}},
        {"x": {"type": "bnode", "value": "nodeID://b1"}},
    )
    frame = read("application/json", json.dumps(content).encode())
    assert frame["x"].to_list() == [
        f'"1"^^<{XSD}integer>',
        '"a"@en',
        '"a"',
        "_:utf8-6e6f646549443a2f2f6231",
    ]
    assert frame["y"].to_list() == ["<http://example.org/a>", None, None, None]


def test_json_may_be_laid_out_and_ordered_in_any_way():
    content = results(
        *({"x": {"type": "literal", "value": "},{" * n}, "y": TERM} for n in range(9))
    )
    content["results"] = {"distinct": False, "ordered": True, **content["results"], "more": [1]}
    expected = read("json", json.dumps(content).encode())
    assert expected.height == 9
    turned = dict(reversed(content.items()))
    for document in (
        json.dumps(content, indent=2),
        json.dumps(turned),
        json.dumps(turned, indent=1),
    ):
        chunks = [document[i : i + 50].encode() for i in range(0, len(document), 50)]
        assert same(read("json", *chunks), expected)


def test_a_large_json_document_may_have_its_head_last():
    rows = ({"x": {"type": "literal", "value": "a" * 100_000}} for _ in range(15))
    document = json.dumps(dict(reversed(results(*rows).items()))).encode()
    chunks = [document[i : i + 200_000] for i in range(0, len(document), 200_000)]
    assert read("json", *chunks)["x"].str.len_chars().to_list() == [100_002] * 15


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("[]", "not a SPARQL JSON document"),
        ("{}", "lacks 'head'"),
        ('{"head":{"vars":["x"]}}', "lacks 'results'"),
        ('{"head":{},"results":{"bindings":[]}}', "lacks 'vars'"),
        ('{"head":{"vars":"x"},"results":{"bindings":[]}}', "not a SPARQL JSON document"),
        ('{"head":{"vars":[1]},"results":{"bindings":[]}}', "not the name of a variable"),
        ('{"head":{"vars":["x"]},"results":{"bindings":{}}}', "not a SPARQL JSON document"),
        ('{"head":{},"boolean":true}', "is a boolean"),
        ('{"head":{"vars":["x"]},"results":{"bindings":[]}} {}', "malformed"),
        (
            '{"head":{"vars":["x"]},"results":{"bindings":[]},"head":{"vars":["y"]}}',
            "two heads",
        ),
        (json.dumps(results([])), "malformed"),
        (json.dumps(results([], names=[])), "does not name"),
        (json.dumps(results({"z": TERM})), "does not name"),
        (json.dumps(results({"z": TERM}, names=[])), "does not name"),
        (json.dumps(results({"x": None})), "does not name"),
        (json.dumps(results({"x": "a"})), "malformed"),
        (json.dumps(results({"x": {"value": "a"}})), "malformed, KeyError"),
        (json.dumps(results({"x": {"type": "uri"}})), "malformed, KeyError"),
        (json.dumps(results({"x": {"type": "uri", "value": 5}})), "malformed"),
        (json.dumps(results({"x": {"type": "literal", "value": 5}})), "is no text"),
        (json.dumps(results({"x": {"type": ["uri"], "value": "a"}})), "malformed"),
        (json.dumps(results({"x": {"type": "triple", "value": {}}})), "no text"),
        (json.dumps(results({"x": {"type": "triple", "value": "a"}})), "'triple'"),
        (json.dumps(results({"x": {"type": "uri", "value": "a b"}})), "not an RDF term"),
        (
            json.dumps(results({"x": {"type": "literal", "value": "a", "xml:lang": 1}})),
            "not a language tag",
        ),
        ('{"head":{"vars":["x"]},"results":{"bindings":[{"x":"\\ud800"}]}}', "malformed"),
    ],
)
def test_malformed_json_is_refused(document, message):
    with pytest.raises(ResultError, match=message):
        read("json", document.encode())


# XML

XML = (
    '<?xml version="1.0"?><sparql xmlns="http://www.w3.org/2005/sparql-results#">'
    '<head><variable name="x"/><variable name="y"/><link href="more.ttl"/></head>{}</sparql>'
)


def test_xml_may_be_laid_out_in_any_way():
    document = """<?xml version="1.0" encoding="ISO-8859-1"?>
    <!-- by hand -->
    <r:sparql xmlns:r="http://www.w3.org/2005/sparql-results#">
      <r:head> <r:variable name="x"/> </r:head>
      <r:results ordered="true">
        <r:result>
          <r:binding name="x">
            <r:literal xml:lang="EN"><![CDATA[<é>]]> &amp;&#10;</r:literal>
          </r:binding>
        </r:result>
        <r:result/>
        <r:result><r:binding name="x"><r:literal xml:lang=""/></r:binding></r:result>
      </r:results>
    </r:sparql>"""
    frame = read("xml", document.encode("latin-1"))
    assert frame["x"].to_list() == ['"<é> &\\n"@en', None, '""']


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("", "malformed or cut off"),
        ("<html/>", "element 'html'"),
        ("<sparql/>", "element 'sparql'"),
        (XML.format(""), "holds no result"),
        (XML.format("<boolean>true</boolean>"), "is a boolean"),
        (XML.format("<results><result><binding/></result></results>"), "gives . no term"),
        (XML.format("<results><binding name='x'/></results>"), "has an element"),
        (XML.format("<results/><results><result><uri/></result></results>"), "has an element"),
        (
            XML.format("<results><result><binding name='x'/></result></results>"),
            "gives .x no term",
        ),
        (
            XML.format(
                "<results><result><binding name='z'><uri>a</uri></binding></result></results>"
            ),
            "does not name",
        ),
        (
            XML.format(
                "<results><result><binding name='x'><uri>a</uri><uri>b</uri></binding>"
                "</result></results>"
            ),
            "two terms",
        ),
        (
            XML.format(
                "<results><result><binding name='x'><uri>a b</uri></binding></result></results>"
            ),
            "not an RDF term",
        ),
        (
            '<!DOCTYPE sparql [<!ENTITY a "b">]>' + XML.format("").partition("?>")[2],
            "document type declaration",
        ),
    ],
)
def test_malformed_xml_is_refused(document, message):
    with pytest.raises(ResultError, match=message):
        read("xml", document.encode())


# Booleans


@pytest.mark.parametrize("name", ["json", "xml", "tsv"])
@pytest.mark.parametrize("value", [True, False])
def test_booleans_are_read_back(name, value):
    document = write_boolean(value, name)
    assert ask(name, document[:3], document[3:]) is value
    store = pyoxigraph.Store()
    answer = store.query("ASK {}" if value else "ASK { ?s ?p ?o }")
    assert ask(name, answer.serialize(format=OXIGRAPH_FORMATS[name])) is value


@pytest.mark.parametrize("name", READ_FORMATS)
def test_solutions_and_cut_documents_are_no_boolean(name):
    with pytest.raises(ResultError):
        ask(name, DOCUMENTS[name])
    document = write_boolean(False, name).rstrip(b"\n")
    for cut in range(len(document)):
        with pytest.raises(ResultError):
            ask(name, document[:cut])


@pytest.mark.parametrize(
    ("media_type", "document"),
    [
        ("application/json", b'{"head":{},"boolean":"true"}'),
        ("application/json", b'{"head":{},"boolean":1}'),
        ("application/xml", XML.format("<boolean>yes</boolean>").encode()),
        ("text/csv", b"x\r\n"),
    ],
)
def test_what_is_no_boolean_is_refused(media_type, document):
    with pytest.raises(ResultError, match="boolean"):
        ask(media_type, document)
