"""Why an answer is empty: said rightly, about the merge of all members, by few queries."""

import json

import pytest

from hereditary_kg.execution.empty_answers import explain_empty_answer
from tests.dealt_federations import dealt
from tests.execution.scripted_federations import Endpoint, federation_of, triples

PREFIX = "PREFIX : <http://example.org/> "
INTEGER = "<http://www.w3.org/2001/XMLSchema#integer>"

CLINIC = triples(
    "ann a Patient",
    f'ann age "71"^^{INTEGER}',
    "ann has als",
    'ann name "Ann"@en',
    "bob a Patient",
    f'bob age "58"^^{INTEGER}',
    "bob has ms",
    "eve a Patient",
)
CLINIC = [
    (s, "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>" if p.endswith("/a>") else p, o)
    for s, p, o in CLINIC
]
REGISTRY = triples(
    "sod1 causes als",
    'als code "105400"',
    'ms code "126200"',
    "ms treatedBy <https://drugs.org/d1>",
)
DRUGS = [("<http://drugs.org/d1>", "<http://example.org/label>", '"Drug"')]


async def explain(text, *, members=(CLINIC, REGISTRY, DRUGS), **options):
    return await explain_empty_answer(dealt(members), PREFIX + text, **options)


async def only_loss(text, **options):
    diagnosis = await explain(text, **options)
    assert diagnosis.is_empty
    (loss,) = diagnosis.losses
    return loss


async def test_a_predicate_that_nobody_uses():
    loss = await only_loss("SELECT * { ?g :cuases ?d . ?p :has ?d }")
    assert loss.kind == "pattern"
    assert loss.text == "No member uses the predicate <http://example.org/cuases>."
    assert loss.notes == ("Did you mean <http://example.org/causes>?",)


async def test_a_class_that_nobody_has():
    loss = await only_loss("SELECT * { ?p a :patient ; :age ?a }")
    assert "no instance" not in loss.text
    assert loss.text == "No member holds an instance of the class <http://example.org/patient>."
    assert loss.notes == ("Did you mean <http://example.org/Patient>?",)


async def test_a_constant_of_another_type():
    loss = await only_loss('SELECT * { ?p :age "71" ; :has ?d }')
    assert loss.text == 'No member holds "71" as the object.'
    assert "one is a plain text, the other is an xsd:integer" in loss.notes[0]


async def test_a_constant_that_nobody_holds_shows_what_is_there():
    loss = await only_loss("SELECT * { ?p :has :flu }")
    assert loss.notes == (
        (
            "What stands there as the object, for example: "
            "<http://example.org/als>, <http://example.org/ms>."
        ),
    )
    loss = await only_loss("SELECT * { :Ann :has ?d }")
    assert loss.text == "No member holds <http://example.org/Ann> as the subject."
    assert "<http://example.org/ann>? It stands there" in loss.notes[0]


async def test_a_graph_that_nobody_has():
    loss = await only_loss("SELECT * { GRAPH :g { ?s :age ?o } }")
    assert loss.text == "No member has the named graph <http://example.org/g>."


async def test_a_join_without_a_common_value():
    loss = await only_loss("SELECT * { ?p :has ?d . ?d :treatedBy ?t . ?t :label ?l }")
    assert loss.kind == "join"
    assert [pattern.split("  (")[0] for pattern in loss.patterns] == [
        "?d :treatedBy ?t .".replace(":treatedBy", "<http://example.org/treatedBy>"),
        "?t :label ?l .".replace(":label", "<http://example.org/label>"),
    ]
    assert [pattern.split("  (")[1] for pattern in loss.patterns] == ["at m1)", "at m2)"]
    assert loss.notes == (
        (
            "?t is <https://drugs.org/d1> in the first and <http://drugs.org/d1> in the second: "
            "they differ by https and http only."
        ),
    )


async def test_a_join_of_members_without_anything_alike():
    loss = await only_loss("SELECT * { ?p :has ?d . ?d :label ?l }")
    assert loss.notes == (
        (
            "?d is, for example, <http://example.org/als> in the first and <http://drugs.org/d1> "
            "in the second."
        ),
    )


async def test_a_join_that_fails_only_as_a_whole():
    """Each two of the three patterns have a common row; all three have none."""
    chain = triples("a p b", "b q c", "x p y", "y q z")
    closing = triples("z r other", "c r w", "k r a", "l r x")
    text = "SELECT * { ?s :p ?o . ?o :q ?t . ?t :r ?s }"
    loss = await only_loss(text, members=(chain, closing))
    assert loss.kind == "join"
    (note,) = loss.notes
    assert "agree one by one, but in no row all together" in note
    assert sum(pattern.count("?") for pattern in loss.patterns) == 6


async def test_a_filter_that_drops_everything():
    loss = await only_loss("SELECT * { ?p :age ?a ; :has ?d FILTER(?a > 80) FILTER(?a > 60) }")
    assert loss.kind == "filter"
    assert loss.patterns == (f'FILTER(?a > "80"^^{INTEGER})',)
    assert loss.notes[0] == f'A row that is dropped: ?a = "58"^^{INTEGER}.'


async def test_filters_that_drop_everything_together():
    loss = await only_loss("SELECT * { ?p :age ?a FILTER(?a > 60) FILTER(?a < 60) }")
    assert "none passes all of them together" in loss.text
    assert len(loss.patterns) == 2


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ('?n = "Ann"', "one is a plain text, the other has the language tag @en"),
        ('?n = "Ann"', "compare STR(?n) instead"),
        ("?n > 3", "write xsd:decimal(?n)"),
        ('?a = "71"', "compare it with one, without quotation marks"),
        ('?n IN ("ann", "bob")', "the language tag @en"),
        ("EXISTS { ?p :causes ?x }", "A row that is dropped"),
    ],
)
async def test_what_may_be_wrong_with_a_filter(condition, said):
    loss = await only_loss(f"SELECT * {{ ?p :name ?n ; :age ?a FILTER({condition}) }}")
    assert any(said in note for note in loss.notes), loss.notes


async def test_minus_offset_limit_and_values():
    loss = await only_loss("SELECT * { ?p :age ?a MINUS { ?p a :Patient } }")
    assert loss.kind == "minus"
    loss = await only_loss("SELECT * { { SELECT ?p { ?p :age ?a } OFFSET 2 } }")
    assert (loss.kind, loss.patterns) == ("slice", ("OFFSET 2",))
    loss = await only_loss("SELECT * { ?p :age ?a } LIMIT 0")
    assert (loss.kind, loss.patterns) == ("slice", ("LIMIT 0",))
    loss = await only_loss("SELECT * { ?p :age ?a VALUES ?p { } }")
    assert loss.kind == "values"


async def test_a_having_that_drops_every_group():
    loss = await only_loss(
        "SELECT ?d (COUNT(*) AS ?n) { ?p :has ?d } GROUP BY ?d HAVING(COUNT(*) > 1)"
    )
    assert loss.kind == "filter"


async def test_every_branch_of_a_union_is_explained():
    diagnosis = await explain("SELECT * { { ?p :nix ?x } UNION { ?p :has :flu } }")
    assert [loss.kind for loss in diagnosis.losses] == ["pattern", "pattern"]


async def test_an_optional_part_is_never_to_blame():
    loss = await only_loss("SELECT * { ?p :age ?a ; :has :flu OPTIONAL { ?p :nix ?x } }")
    assert "<http://example.org/flu>" in loss.patterns[0]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { ?p :has ?d . ?d :code ?c }",
        "ASK { ?p :has :als }",
        "CONSTRUCT { ?p :x ?d } { ?p :has ?d }",
        "SELECT (COUNT(*) AS ?n) { ?p :nix ?x }",
    ],
)
async def test_an_answer_that_is_not_empty(text):
    diagnosis = await explain(text)
    assert not diagnosis.is_empty
    assert diagnosis.losses == ()


async def test_what_two_members_hold_together_is_one_merge():
    """Neither member alone has a match of the whole; the merge has."""
    diagnosis = await explain("SELECT * { ?g :causes ?d . ?p :has ?d }")
    assert not diagnosis.is_empty


async def test_questions_are_counted_and_bounded():
    text = "SELECT * { ?p :has ?d . ?d :treatedBy ?t . ?t :label ?l }"
    whole = await explain(text)
    assert whole.unfinished is None
    assert 0 < whole.queries <= 40
    assert whole.requests >= 1
    short = await explain(text, most_queries=2)
    assert short.queries == 2
    assert short.unfinished == "2 queries were asked, and no more may be"
    assert "There may be more to say: 2 queries" in short.to_text()
    assert f"{whole.queries} queries to the federation" in whole.to_text()


async def test_a_member_that_fails_is_named():
    clinic, registry = Endpoint("clinic", CLINIC), Endpoint("registry", REGISTRY)
    registry.fault = "down"
    text = PREFIX + "SELECT * { ?p :has ?d . ?d :code ?c }"
    diagnosis = await explain_empty_answer(federation_of(clinic, registry), text)
    assert set(diagnosis.failures) == {"registry"}
    assert "registry failed, and what it holds is missing" in diagnosis.to_text()
    assert diagnosis.is_empty


async def test_a_diagnosis_is_plain_values():
    diagnosis = await explain('SELECT * { ?p :age "71" }')
    told = json.loads(json.dumps(diagnosis.to_dict()))
    assert told["empty"] is True
    assert told["losses"][0]["kind"] == "pattern"
    assert told["queries"] == diagnosis.queries


async def test_nothing_of_it_is_logged(caplog):
    with caplog.at_level("DEBUG"):
        await explain('SELECT * { ?p :age "71" }')
    assert "71" not in caplog.text


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        ('"LAST NAME"', '"Last name"'),
        ('"last name"@en', '"Last name"'),
        ("<http://other.org/last-code>", "<http://example.org/last-code>"),
    ],
)
async def test_what_was_meant_is_found_among_very_many(wanted, meant):
    # A sample has a thousand of them, and which is up to the members.
    names = (f'p{n} name "Name {n}"' for n in range(3000))
    codes = (f"r{n} name code-{n}x" for n in range(3000))
    many = triples(*names, *codes, "p name last-code")
    many.append(("<http://example.org/q>", "<http://example.org/name>", '"Last name"'))
    loss = await only_loss(f"SELECT * {{ ?p :name {wanted} }}", members=(many[::2], many[1::2]))
    assert loss.notes[0].startswith(f"Did you mean {meant}? It stands there")
