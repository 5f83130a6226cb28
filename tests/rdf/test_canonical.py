import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from term_strategies import DATATYPES, LANGUAGES, TERMS, TEXTS

from hereditary_kg.rdf.canonical import canonicalise_tokens, check_variables, compose_token
from hereditary_kg.rdf.errors import ResultError
from hereditary_kg.rdf.terms import RDF_LANG_STRING, XSD, Literal

# Long columns are read in other ways than short ones, with few terms in others than with many.
MANY = 1000
VARIED = pl.Series("x", [f"<http://example.org/{n}>" for n in range(MANY)])


def canonicalise(*tokens):
    """Canonicalise a short column, and see that a long one gives the same."""
    column = pl.Series("x", list(tokens), dtype=pl.String)
    done = canonicalise_tokens(column).to_list()
    repeated = pl.concat([column] * (1 + MANY // max(1, len(column))))
    assert canonicalise_tokens(repeated).to_list()[: len(tokens)] == done
    varied = pl.concat([column, VARIED])
    assert canonicalise_tokens(varied).to_list() == done + VARIED.to_list()
    return done


@pytest.mark.parametrize(
    ("token", "canonical"),
    [
        ("1", f'"1"^^<{XSD}integer>'),
        ("-01", f'"-01"^^<{XSD}integer>'),
        ("+1.50", f'"+1.50"^^<{XSD}decimal>'),
        (".5", f'".5"^^<{XSD}decimal>'),
        ("1.0e3", f'"1.0e3"^^<{XSD}double>'),
        ("1.E3", f'"1.E3"^^<{XSD}double>'),
        (".5e-3", f'".5e-3"^^<{XSD}double>'),
        ("5E3", f'"5E3"^^<{XSD}double>'),
        ("true", f'"true"^^<{XSD}boolean>'),
        ("false", f'"false"^^<{XSD}boolean>'),
        (f'"1000"^^<{XSD}double>', f'"1000"^^<{XSD}double>'),
        (f'"x"^^<{XSD}string>', '"x"'),
        (f"'x'^^<{XSD}string>", '"x"'),
        ('"x"^^xsd:string', '"x"'),
        ('"5"^^xsd:int', f'"5"^^<{XSD}int>'),
        ('"x"@EN-gb', '"x"@en-gb'),
        ("'x'@EN", '"x"@en'),
        ('"a\\"@EN\\""@EN', '"a\\"@EN\\""@en'),
        ("'it\"s'", '"it\\"s"'),
        ("'it\\'s'", '"it\'s"'),
        ('"""a"b\\n""c"""', '"a\\"b\\n\\"\\"c"'),
        ("'''a'b'''", '"a\'b"'),
        ('"\\u00e9\\b\\f\\U0001F600"', '"é\b\f😀"'),
        ('"raw \r return"', '"raw \\r return"'),
        ('"\x0b\x85\u2028"', '"\x0b\x85\u2028"'),
        ("<http://example.org/\\u00e9>", "<http://example.org/é>"),
        ('"x"^^<http://example.org/\\u00e9>', '"x"^^<http://example.org/é>'),
        ("_:b0.a-", "_:b0.a-"),
        ("_:nodeID://b1", "_:utf8-6e6f646549443a2f2f6231"),
        ("_:a.", "_:utf8-612e"),
    ],
)
def test_every_form_of_a_token_becomes_the_canonical_one(token, canonical):
    assert canonicalise(token, None, token) == [canonical, None, canonical]


@pytest.mark.parametrize(
    "token",
    [
        "",
        "abc",
        "1.",
        "--1",
        "TRUE",
        '"a"b"',
        '"a',
        '"a\\"',
        "<a b>",
        "<a\\u003eb>",
        "_:",
        '"\\x"',
        '"\\ud800"',
        '"\\U00110000"',
        "<http://example.org/\\ud800>",
        '"a"@en_US',
        '"a"@-',
        '"a"^^<b c>',
        '"a"^^<b\\u0020c>',
        '"a"^^foaf:name',
        "<< <a> <b> <c> >>",
        '<<( <a> <b> "c" )>>',
    ],
)
def test_what_is_no_term_is_refused_and_quoted(token):
    with pytest.raises(ResultError, match=r"\?x holds ") as caught:
        canonicalise("<http://example.org/a>", token)
    assert repr(token) in str(caught.value)


@given(st.lists(TERMS.map(lambda term: term.text) | st.none()))
def test_canonical_terms_stay_what_they_are(texts):
    assert canonicalise(*texts) == texts


def _escape_all(text, quote):
    escaped = "".join(f"\\U{ord(c):08x}" for c in text)
    return f"{quote}{escaped}{quote}"


@given(TEXTS, st.sampled_from(['"', "'", '"""', "'''"]))
def test_escapes_and_quotes_do_not_matter(text, quote):
    assert canonicalise(_escape_all(text, quote)) == [Literal(text).text]


@given(TEXTS, LANGUAGES | st.none(), DATATYPES | st.none())
def test_parts_of_literals_compose_to_the_canonical_literal(text, language, datatype):
    token = compose_token("literal", text, language and language.upper(), datatype)
    expected = Literal(text, datatype or XSD + "string", language)
    assert canonicalise(token) == [expected.text]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), unique=True))
def test_distinct_labels_stay_distinct_and_can_be_written(labels):
    tokens = [compose_token("bnode", label) for label in labels]
    canonical = canonicalise(*tokens)
    assert len(set(canonical)) == len(labels)
    assert canonicalise(*canonical) == canonical


@pytest.mark.parametrize(
    ("kind", "value", "extra"),
    [
        ("uri", "http://example.org/a> } DROP ALL #", {}),
        ("uri", "a\nb", {}),
        ("literal", "x", {"datatype": "a>b"}),
        ("literal", "x", {"language": 'en" . <a'}),
    ],
)
def test_parts_never_break_out_of_their_term(kind, value, extra):
    token = compose_token(kind, value, **extra)
    with pytest.raises(ResultError):
        canonicalise(token)


@pytest.mark.parametrize("token", ["<a b>", "<a<b>", "<a>b>", "<a\tb>", "<>>", "<a", "b>", '<"x">'])
def test_a_long_column_of_iris_holds_nothing_else(token):
    with pytest.raises(ResultError):
        canonicalise_tokens(pl.concat([VARIED, pl.Series("x", [token])]))


def test_a_long_column_of_many_forms_is_canonicalised():
    tokens = pl.Series("x", [f'"{n}"@EN' for n in range(MANY)] + [str(n) for n in range(MANY)])
    expected = [f'"{n}"@en' for n in range(MANY)]
    expected += [f'"{n}"^^<{XSD}integer>' for n in range(MANY)]
    assert canonicalise_tokens(tokens).to_list() == expected


def test_a_language_tag_outweighs_the_datatype():
    assert compose_token("literal", "x", "en", RDF_LANG_STRING) == '"x"@en'


def test_a_kind_that_sparql_does_not_know_is_named():
    with pytest.raises(ResultError, match="'triple'"):
        compose_token("triple", "x")


@pytest.mark.parametrize("value", [None, 5, True, {"a": "b"}])
def test_a_value_must_be_text(value):
    with pytest.raises(ResultError, match=r"is no text"):
        compose_token("literal", value)


@pytest.mark.parametrize("names", [["a", "a"], ["a b"], [""], ["?x"], ["a\tb"], [json.dumps("a")]])
def test_names_that_are_no_variables_are_refused(names):
    with pytest.raises(ResultError):
        check_variables(names)


def test_variables_may_have_any_letters():
    assert check_variables(["x1", "_y", "été", "日本"]) == ["x1", "_y", "été", "日本"]
