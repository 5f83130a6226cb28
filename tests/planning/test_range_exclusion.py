"""Members whose values a filter drops anyway are not asked, and nobody else is left out."""

import asyncio
import random

import pytest

from hereditary_kg.planning.leaves import pattern_leaves
from hereditary_kg.planning.members import MemberView
from hereditary_kg.planning.range_exclusion import exclude_by_ranges
from hereditary_kg.planning.sources import select_sources
from hereditary_kg.rdf.terms import XSD
from hereditary_kg.sites.profiling import profile_store
from hereditary_kg.sparql.parsing import parse_query
from tests.dealt_federations import answer_of, dealt, oracle, store_of

PREFIX = f"PREFIX : <http://example.org/> PREFIX xsd: <{XSD}> "
AGE, BORN, NAME = (f"<http://example.org/{name}>" for name in ("age", "born", "name"))


def typed(value, datatype):
    return f'"{value}"^^<{XSD}{datatype}>'


def member(name, ages=(), born=(), others=()):
    triples = [
        (f"<http://{name}.org/{n}>", predicate, value)
        for predicate, values in ((AGE, ages), (BORN, born), (NAME, others))
        for n, value in enumerate(values)
    ]
    return MemberView(name, profile_store(store_of(triples), f"{name}-1"))


CHILDREN = member(
    "children",
    [typed(n, "integer") for n in range(2, 19)],
    [typed(f"20{n:02}-05-05", "date") for n in range(2, 19)],
    ['"5"', '"61"', "<http://x.org/a>"],
)
ADULTS = member(
    "adults",
    [typed(n, "integer") for n in range(25, 90)],
    [typed(f"19{n}-05-05T10:00:00Z", "dateTime") for n in range(25, 90)],
)


def left_out(body, *members):
    """Give who is left out of the leaves of a pattern, with the reasons."""
    query = parse_query(f"{PREFIX} SELECT * {{ {body} }}")
    sources = exclude_by_ranges(query.pattern, select_sources(query, members))
    leaves = dict.fromkeys(pattern_leaves(query.pattern))
    return {name: reason for (leaf, name), reason in sources.reasons.items() if leaf in leaves}


@pytest.mark.parametrize(
    "condition",
    [
        "?v > 60",
        "60 < ?v",
        "?v >= 25.5",
        "?v = 61",
        "?v IN (61, 62.0, 7e1)",
        "?v > 60 && ?v < 99",
        "?v > 60 || ?v = 55",
        "?v > 60 && ?other < 3",
        '?v > "60"^^xsd:float',
        "?v > 1e300",
    ],
)
def test_who_has_only_other_numbers_is_left_out(condition):
    found = left_out(f"?x :age ?v . ?x :nr ?other FILTER({condition})", CHILDREN, ADULTS)
    assert found["children"] == "has only numbers from 0 to 20 there, which the filter drops"


@pytest.mark.parametrize(
    "condition",
    [
        "?v > 18",
        "?v > 19.9",
        "?v >= 20",
        "?v != 61",
        '?v != "2020-01-01"^^xsd:date',
        "?v > 60 || ?other < 3",
        "?v > 60 || BOUND(?v)",
        "!(?v > 60)",
        "?v + 50 > 60",
        "?v IN (61, 10)",
        "?v IN (61, ?other)",
        '?v > "NaN"^^xsd:double',
        '?v > "many"^^xsd:integer',
        "?other > 60",
        "?v NOT IN (61)",
        "COALESCE(?v > 60, true)",
    ],
)
def test_who_may_have_a_number_that_stays_is_asked(condition):
    assert not left_out(f"?x :age ?v . ?x :age ?other FILTER({condition})", CHILDREN, ADULTS) or (
        condition == "?other > 60"
    )


@pytest.mark.parametrize(
    ("condition", "asked"),
    [
        ('?v < "1999-01-01"^^xsd:date', {"adults"}),
        ('?v < "1999-01-01T00:00:00Z"^^xsd:dateTime', {"adults"}),
        ('?v > "1999-01-01T00:00:00+09:00"^^xsd:dateTime', {"children"}),
        ('?v = "1950-01-01"^^xsd:date', {"adults"}),
        ('?v > "2002-01-01T10:00:00"^^xsd:dateTime', {"children"}),
        ('?v < "2002-01-01T00:00:00Z"^^xsd:dateTime', {"children", "adults"}),
        ('?v < "2001-12-31T12:00:00"^^xsd:dateTime', {"children", "adults"}),
        ('?v < "2001-12-31T09:59:59"^^xsd:dateTime', {"adults"}),
        ('?v < "2002-01-01T13:00:00+13:30"^^xsd:dateTime', {"adults"}),
        ('?v > "1989-13-45"^^xsd:date', {"children", "adults"}),
        ('?v > "12024-01-01"^^xsd:date', {"children", "adults"}),
        ('?v = "x"', {"children", "adults"}),
        ("?v > 3", set()),
    ],
)
def test_dates_are_compared_by_what_they_may_mean(condition, asked):
    found = left_out(f"?x :born ?v FILTER({condition})", CHILDREN, ADULTS)
    assert {"children", "adults"} - found.keys() == asked


def test_the_reason_names_the_years():
    found = left_out('?x :born ?v FILTER(?v < "1930-01-01"^^xsd:date)', CHILDREN)
    assert found == {"children": "has only dates from 2002 to 2019 there, which the filter drops"}


def test_who_has_no_numbers_is_left_out():
    found = left_out("?x :name ?v FILTER(?v > 1)", CHILDREN)
    assert found == {"children": "has no numbers there, and the filter wants some"}


@pytest.mark.parametrize(
    "body",
    [
        "{ ?x :age ?v FILTER(?v > 60) } UNION { ?x :age ?v }",
        "?x :name ?n OPTIONAL { ?x :age ?v } FILTER(?v > 60)",
        "?x :age ?v OPTIONAL { ?x :name ?n FILTER(?v > 60) }",
        "{ SELECT ?v { ?x :age ?v } LIMIT 3 } FILTER(?v > 60)",
        "{ SELECT ?x (5 AS ?v) { ?x :age ?y } } FILTER(?v > 60)",
        "{ SELECT ?x { ?x :age ?v } } BIND(5 AS ?v) FILTER(?v > 60)",
        "?y :name ?n FILTER(?v > 60) MINUS { ?x :age ?v }",
        "?x :age ?v FILTER EXISTS { ?x :name ?n FILTER(?v > 60) }",
        "?x :age ?v FILTER(?v > 60 || EXISTS { ?x :name ?n })",
        "GRAPH :g { ?x :age ?v } FILTER(?v > 60)",
        "?x :age? ?v FILTER(?v > 60)",
        "?x :age+ ?v FILTER(?v > 60)",
    ],
)
def test_rows_that_the_filter_does_not_drop_count(body):
    ages = {reason for reason in left_out(body, CHILDREN).values() if "numbers" in reason}
    assert not ages


@pytest.mark.parametrize(
    "body",
    [
        "?x :name ?n OPTIONAL { ?x :age ?v FILTER(?v > 60) }",
        "?x :name ?n FILTER NOT EXISTS { ?x :age ?v FILTER(?v > 60) }",
        "?x :name ?n MINUS { ?x :age ?v FILTER(?v > 60) }",
        "{ SELECT DISTINCT ?v { ?x :age ?v } } FILTER(?v > 60)",
        "{ ?x :age ?v } UNION { ?y :age ?v } FILTER(?v > 60)",
        "?x :age ?v OPTIONAL { ?x :name ?n } FILTER(?v > 60)",
        "?x :age ?v BIND(?v + 1 AS ?w) FILTER(?v > 60)",
    ],
)
def test_filters_reach_wherever_their_rows_come_from(body):
    assert any("numbers" in reason for reason in left_out(body, CHILDREN).values())


NUMBERS = ("integer", "decimal", "double", "float", "int")


def random_value(chance, base):
    """Draw a value, numbers and dates near a base and now and then something odd."""
    kind = chance.random()
    if kind < 0.45:
        number = base + chance.randrange(40)
        datatype = chance.choice(NUMBERS)
        whole = datatype in {"integer", "int"}
        return typed(number if whole else number + chance.choice((0, 0.5)), datatype)
    if kind < 0.9:
        day = f"{1950 + base + chance.randrange(10)}-{chance.choice(('01-01', '06-15', '12-31'))}"
        zone = chance.choice(("", "Z", "+14:00", "-11:00"))
        time = chance.choice(("00:00:00", "23:30:00"))
        if chance.random() < 0.5:
            return typed(f"{day}T{time}{zone}", "dateTime")
        return typed(day + zone, "date")
    odd = ['"61"', "<http://x.org/1>", '"x"@en', typed("true", "boolean")]
    if kind > 0.99:
        odd = [typed("NaN", "double"), typed("INF", "float"), typed("many", "integer")]
    return chance.choice(odd)


def random_condition(chance):
    value = random_value(chance, chance.choice((0, 20, 50)))
    operator = chance.choice(("<", "<=", ">", ">=", "=", "!="))
    simple = f"?v {operator} {value}"
    match chance.randrange(6):
        case 0:
            return f"{simple} && ?v < {random_value(chance, 30)}"
        case 1:
            return f"{simple} || ?v = {random_value(chance, 10)}"
        case 2:
            return f"?v IN ({value}, {random_value(chance, 0)})"
        case 3:
            return f"{value} {operator} ?v"
    return simple


SHAPES = (
    "?x :value ?v FILTER({0})",
    "?x :value ?v . ?x :name ?n FILTER({0})",
    "?x :name ?n OPTIONAL {{ ?x :value ?v FILTER({0}) }}",
    "?x :name ?n OPTIONAL {{ ?x :value ?v }} FILTER({0})",
    "?x :name ?n FILTER NOT EXISTS {{ ?x :value ?v FILTER({0}) }}",
    "?x :name ?n MINUS {{ ?x :value ?v FILTER({0}) }}",
    "{{ ?x :value ?v FILTER({0}) }} UNION {{ ?x :name ?n }}",
    "{{ SELECT DISTINCT ?v {{ ?x :value ?v }} }} FILTER({0})",
)


@pytest.mark.parametrize("seed", range(12))
def test_answers_are_those_of_the_merged_store(seed):
    chance = random.Random(seed)
    hands = []
    for name in range(3):
        base, kind = chance.choice((0, 20, 40)), chance.choice(("numbers", "dates", "both"))
        drawn = [random_value(chance, base) for _ in range(chance.randrange(4, 30))]
        kept = [v for v in drawn if kind == "both" or ("T" in v or "-" in v) == (kind == "dates")]
        hands.append(
            [
                (f"<http://{name}.org/{n}>", f"<http://example.org/{predicate}>", text)
                for n, value in enumerate(kept)
                for predicate, text in (("value", value), ("name", f'"{n % 3}"'))
            ]
        )
    federation, merged = dealt(hands), store_of(t for hand in hands for t in hand)

    async def ask_all():
        for _ in range(12):
            body = chance.choice(SHAPES).format(random_condition(chance))
            text = f"{PREFIX} SELECT * {{ {body} }}"
            expected = oracle(merged, text)
            for optimise in (True, False):
                result = await federation.query(text, optimise=optimise)
                assert answer_of(result) == expected, f"{text}\n{result.plan}"

    asyncio.run(ask_all())
