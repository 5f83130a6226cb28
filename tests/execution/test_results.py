"""What a caller gets: rows as terms, as frames, as a file, as a truth value."""

import datetime
import decimal

import polars as pl
import pytest

from hereditary_kg.rdf.terms import IRI, XSD, BlankNode, Literal
from tests.execution.scripted_federations import Endpoint, federation_of, triples

PREFIX = "PREFIX : <http://example.org/>\n"
DATA = triples(
    f'a age "41"^^<{XSD}integer>',
    f'b age "7"^^<{XSD}integer>',
    f'a weight "70.5"^^<{XSD}decimal>',
    f'a born "1984-05-06"^^<{XSD}date>',
    'a name "Ann"@en',
    "_:x knows a",
)


@pytest.fixture
def federation():
    return federation_of(Endpoint("clinic", DATA[:3]), Endpoint("registry", DATA[3:]))


@pytest.fixture
async def people(federation):
    return await federation.query(
        PREFIX
        + """SELECT ?person ?age ?weight ?born ?name { ?person :age ?age
            OPTIONAL { ?person :weight ?weight ; :born ?born ; :name ?name } } ORDER BY ?age"""
    )


def test_rows_are_bound_variables_and_their_terms(people):
    young, old = people
    person = IRI("http://example.org/b")
    assert young == {"person": person, "age": Literal("7", XSD + "integer")}
    assert old["name"] == Literal("Ann", language="en")
    assert old["weight"] == Literal("70.5", XSD + "decimal")
    assert list(people) == [young, old], "they can be read again"


async def test_a_blank_node_bears_its_members_name(federation):
    (row,) = await federation.query(PREFIX + "SELECT ?who { ?who :knows :a }")
    assert isinstance(row["who"], BlankNode)
    assert row["who"].label.startswith("registry.")


def test_native_columns_are_plain_values(people):
    frame = people.to_polars()
    assert frame.columns == list(people.variables)
    assert frame.schema["age"] == pl.Int64
    assert frame.schema["weight"].is_decimal()
    assert frame.schema["born"] == pl.Date
    assert frame.rows() == [
        ("http://example.org/b", 7, None, None, None),
        (
            "http://example.org/a",
            41,
            decimal.Decimal("70.5"),
            datetime.date(1984, 5, 6),
            "Ann",
        ),
    ]


def test_canonical_columns_keep_every_term(people):
    frame = people.to_polars(native=False)
    assert set(frame.dtypes) == {pl.String}
    assert frame["person"].to_list() == ["<http://example.org/b>", "<http://example.org/a>"]
    assert frame["name"].to_list() == [None, '"Ann"@en']


def test_a_pandas_frame_holds_the_same(people):
    pandas = people.to_pandas()
    assert list(pandas.columns) == list(people.variables)
    assert pandas["age"].tolist() == [7, 41]
    texts = people.to_pandas(native=False)
    assert texts["name"].tolist()[1] == '"Ann"@en'


def test_a_parquet_file_holds_native_columns(people, tmp_path):
    people.write(tmp_path / "people.parquet")
    assert pl.read_parquet(tmp_path / "people.parquet").equals(people.to_polars())
    people.write(str(tmp_path / "ages.parquet"), ["age"])
    assert pl.read_parquet(tmp_path / "ages.parquet").to_dict(as_series=False) == {"age": [7, 41]}


def test_a_result_shows_its_size_and_its_worth(people):
    assert len(people) == 2
    assert people
    assert (
        repr(people)
        == "<Result: 2 rows; Complete: the exact answer over the merge of all members.>"
    )


@pytest.mark.parametrize(("person", "expected"), [("a", True), ("nobody", False)])
async def test_an_ask_is_true_or_false(federation, person, expected):
    result = await federation.query(PREFIX + f"ASK {{ :{person} :age ?n }}")
    assert result.kind == "boolean"
    assert bool(result) is expected
    assert result.variables == ()


async def test_an_empty_answer_is_false_and_keeps_its_columns(federation):
    result = await federation.query(PREFIX + "SELECT ?s ?o { ?s :nobodyHasThis ?o }")
    assert not result
    assert list(result) == []
    assert result.to_polars().columns == ["s", "o"]


async def test_a_graph_is_triples(federation):
    result = await federation.query(PREFIX + "CONSTRUCT { ?s :years ?n } { ?s :age ?n }")
    assert result.kind == "graph"
    assert result.variables == ("subject", "predicate", "object")
    graph = result.to_graph()
    assert {str(o) for o in graph.objects()} == {"41", "7"}
    with pytest.raises(TypeError, match="only a graph has triples"):
        (await federation.query(PREFIX + "SELECT * { ?s :age ?n }")).to_graph()


async def test_solutions_without_variables_are_counted(federation):
    result = await federation.query(PREFIX + "SELECT * { :a :age 41 }")
    assert len(result) == 1
    assert list(result) == [{}]


async def test_columns_stand_in_the_querys_order(federation):
    result = await federation.query(PREFIX + "SELECT ?n ?nothing ?s { ?s :age ?n }")
    assert result.frame.columns == ["n", "nothing", "s"]
    assert result.frame["nothing"].null_count() == 2


async def test_a_result_shows_how_it_was_planned(people):
    assert people.prepared.query.variables == people.prepared.physical.variables
    assert "ask @" in str(people.plan)
