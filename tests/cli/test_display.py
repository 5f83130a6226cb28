"""How terms, queries and plans are made to fit people."""

import doctest

import pytest

from hereditary_kg.cli import query_layout, term_display
from hereditary_kg.cli.plan_display import draw_plan
from hereditary_kg.cli.query_layout import lay_out_query, shorten_query, summarise_query
from hereditary_kg.cli.term_display import cut_text, display_term, shorten_iri
from hereditary_kg.planning.explanation import (
    Cost,
    Explanation,
    PlanStep,
    Reason,
    pattern_lines,
)
from hereditary_kg.sparql.parsing import parse_query
from hereditary_kg.sparql.printing import query_text

PREFIXES = {"ex": "http://example.org/", "exa": "http://example.org/a/"}


@pytest.mark.parametrize("module", [pattern_lines, query_layout, term_display])
def test_examples(module):
    results = doctest.testmod(module)
    assert results.attempted
    assert not results.failed


@pytest.mark.parametrize(
    ("iri", "short"),
    [
        ("http://example.org/x1", "ex:x1"),
        ("http://example.org/a/x1", "exa:x1"),
        ("http://example.org/b/x1", "<http://example.org/b/x1>"),
        ("http://example.org/", "<http://example.org/>"),
        ("http://example.org/x.", "<http://example.org/x.>"),
        ("urn:x", "<urn:x>"),
    ],
)
def test_shorten_iri(iri, short):
    assert shorten_iri(iri, PREFIXES) == short


def test_display_term():
    number = display_term('"5"^^<http://www.w3.org/2001/XMLSchema#integer>', {})
    assert (number.text, number.is_number) == ("5", True)
    text = display_term('"a\\tb\\u202Ec"@de', {})
    assert (text.text, text.language) == ("a b c", "de")
    assert display_term(None, {}).text == ""
    assert display_term("_:clinic.b0", {}).text == "_:clinic.b0"


@pytest.mark.parametrize("width", [4, 7, 12, 40])
@pytest.mark.parametrize("keep_end", [True, False])
@pytest.mark.parametrize("text", ["<http://example.org/abc>", "plain words", "日本語のラベルです"])
def test_cut_text_fits(text, width, keep_end):
    from rich.cells import cell_len

    cut = cut_text(text, width, keep_end=keep_end)
    assert cell_len(cut) <= width
    assert cut == text or "…" in cut


@pytest.mark.parametrize(
    "text",
    [
        'SELECT * { ?s <http://example.org/p> ?o FILTER(STRLEN(?o) > 3 && ?o != "} . {") }',
        "SELECT ?s { { ?s ?p 1.5 } UNION { VALUES (?s) { (<http://example.org/s>) } } } LIMIT 3",
        "ASK { ?a ?b ?c MINUS { ?c ?d ?e . FILTER EXISTS { ?e ?f ?g } } }",
        "CONSTRUCT { ?s ?p ?o } { ?s ?p ?o } ORDER BY ?s OFFSET 2",
    ],
)
def test_layout_changes_only_white_space(text):
    printed = query_text(parse_query(text))
    laid_out = lay_out_query(printed, PREFIXES)
    assert "\n" in laid_out
    assert parse_query(laid_out, PREFIXES) == parse_query(printed)
    assert parse_query(shorten_query(printed, PREFIXES), PREFIXES) == parse_query(printed)


def test_summary_counts_inline_rows():
    text = "SELECT ?s WHERE { VALUES (?s) { (<http://example.org/s>) } { ?s ?p ?o . } }"
    assert summarise_query(text, PREFIXES) == "VALUES (?s) { 1 row } { ?s ?p ?o . }"


def test_draw_plan():
    ask = PlanStep("ask", "?s <http://example.org/p> ?o .", ("a", "b", "c"), 1234.4, 7)
    plan = Explanation(PlanStep("distinct", rows=7, steps=(ask,)), PREFIXES)
    assert draw_plan(plan, 3, 70).splitlines() == [
        " " * 35 + "rows: estimated    actual   q-error",
        "distinct" + " " * 51 + "7",
        "ask @ all 3: ?s ex:p ?o .                    1,234         7     154.4",
    ]
    narrow = draw_plan(plan, 4, 54).splitlines()
    assert all(len(line) <= 54 for line in narrow)
    assert narrow[2].startswith("ask @ a, b, c: ?s")
    assert "…" in narrow[2]


def test_draw_plan_with_reasons():
    excluded = (
        Reason("does not use the predicate", "?s ?p ?o .", ("x", "y", "z", "u", "v")),
        Reason("holds no triples", "?s ?p ?o .", ("w",)),
    )
    cost = Cost(3, 1200, 45_000, 12.3, bound=True)
    members = tuple("abcdef")
    ask = PlanStep("ask", "?s ?p ?o .", members, 90.0, 7, "SELECT *", (), 1, (), excluded, cost)
    data = PlanStep("data", rows=2)
    plan = Explanation(PlanStep("join", "on ?s", rows=7, steps=(data, ask)), {}, ())
    lines = draw_plan(plan, 12, None, reasons=True, numbered=True).splitlines()
    assert lines[1].split() == ["join:", "on", "?s", "7"]
    assert lines[2].startswith("├─ data")
    assert lines[3].startswith("└─ [1] ask @ a, b, c (+3): ?s ?p ?o .")
    assert lines[4:] == [
        "      3 requests, 1,200 rows fetched, 45.0 kB, 12.3 ms, with bindings",
        "      excluded: 5 members do not use the predicate; w holds no triples",
    ]
    narrow = draw_plan(plan, 12, 60, reasons=True).splitlines()
    assert all(len(line) <= 60 for line in narrow)
    assert "w holds no triples" in " ".join(" ".join(narrow).split())
