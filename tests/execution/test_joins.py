"""How joins ask: with bindings or whole, whichever is cheap, and no longer than needed."""

import asyncio
import itertools

import pytest

from hereditary_kg.execution.requests import BLOCK
from hereditary_kg.federation.statistics import MemberStatistics
from hereditary_kg.federation.transport import FetchedProfile, ScriptedAnswer
from tests.dealt_federations import answer_of, oracle, store_of
from tests.execution.scripted_federations import (
    LONG,
    NAMESPACE,
    TSV,
    Endpoint,
    federation_of,
    triples,
)

PREFIX = "PREFIX : <http://example.org/>\n"


def patients(count):
    return triples(*(f"patient{n} has disease{n}" for n in range(count)))


def genes(count):
    return triples(*(f"disease{n} gene gene{n % 7}" for n in range(count)))


def purposes(result):
    """Give what each member was asked for, in order of the members."""
    return {
        member.name: [record.purpose for record in member.records]
        for member in result.certificate.members
    }


def queries_of(result, name):
    (report,) = [member for member in result.certificate.members if member.name == name]
    return [record.query for record in report.records]


async def both(clinic, registry, text, **options):
    """Answer a query over two endpoints and hold it to the merged store."""
    result = await federation_of(clinic, registry).query(PREFIX + text, **options)
    merged = store_of([tuple(map(str, quad)) for e in (clinic, registry) for quad in triples_of(e)])
    assert answer_of(result) == oracle(merged, PREFIX + text)
    return result


def triples_of(endpoint):
    for quad in endpoint.store:
        yield quad.subject, quad.predicate, quad.object


JOIN = "SELECT * { ?patient :has ?disease . ?disease :gene ?gene }"


async def test_a_small_side_binds_a_large_one():
    clinic, registry = Endpoint("clinic", patients(10)), Endpoint("registry", genes(1500))
    result = await both(clinic, registry, JOIN)
    assert purposes(result) == {"clinic": ["scan"], "registry": ["bind join"]}
    assert [member.rows for member in result.certificate.members] == [10, 10]
    (query,) = queries_of(result, "registry")
    assert query.count("/disease") == 10


async def test_two_large_sides_are_fetched_whole():
    clinic, registry = Endpoint("clinic", patients(700)), Endpoint("registry", genes(800))
    result = await both(clinic, registry, JOIN)
    assert purposes(result) == {"clinic": ["scan"], "registry": ["scan"]}


async def test_a_member_that_sends_rows_slowly_is_asked_for_what_can_join():
    clinic, registry = Endpoint("clinic", patients(700)), Endpoint("registry", genes(800))
    federation = federation_of(clinic, registry)
    federation.members[1].experience.statistics = MemberStatistics(9, 0.002, 0.001, 80.0)
    result = await federation.query(PREFIX + JOIN)
    assert purposes(result) == {"clinic": ["scan"], "registry": ["bind join"]}


async def test_what_turns_out_small_binds_whatever_was_expected():
    """A filter that the estimate takes for weak leaves three rows of many."""
    clinic, registry = Endpoint("clinic", patients(1200)), Endpoint("registry", genes(1500))
    text = """SELECT * { ?patient :has ?disease . ?disease :gene ?gene
        FILTER(?patient IN (:patient1, :patient2, :patient700)) }"""
    result = await both(clinic, registry, text)
    assert purposes(result)["registry"] == ["bind join"]


async def test_many_bindings_go_in_blocks():
    count = 2 * BLOCK + 500
    clinic, registry = Endpoint("clinic", patients(count)), Endpoint("registry", genes(count))
    # The profile says that a scan would cost far more than it does.
    fetched = clinic.transport.profile, registry.transport.profile
    content = fetched[1].content
    for key in ("triples", "subjects"):
        written, claimed = (f'"{key}":{rows}'.encode() for rows in (count, 1000 * count))
        assert written in content
        content = content.replace(written, claimed)
    registry.transport.profile = FetchedProfile(fetched[1].etag, content)
    result = await both(clinic, registry, JOIN)
    assert purposes(result) == {"clinic": ["scan"], "registry": ["bind join"] * 3}
    sizes = sorted(query.count("/disease") for query in queries_of(result, "registry"))
    assert sizes == [500, BLOCK, BLOCK]


async def test_each_binding_is_asked_for_once():
    data = triples(*(f"patient{n} has disease{n % 3}" for n in range(40)))
    clinic, registry = Endpoint("clinic", data), Endpoint("registry", genes(1500))
    result = await both(clinic, registry, JOIN)
    (query,) = queries_of(result, "registry")
    assert query.count("/disease") == 3
    assert len(result) == 40


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { ?patient :has ?disease OPTIONAL { ?disease :gene ?gene } }",
        "SELECT * { ?patient :has ?disease MINUS { ?disease :gene :gene1 } }",
        "SELECT * { ?patient :has ?disease FILTER NOT EXISTS { ?disease :gene :gene1 } }",
        """SELECT * { ?patient :has ?disease
            { SELECT DISTINCT ?disease ?gene { ?disease :gene ?gene } } }""",
        """SELECT ?disease ?n { ?patient :has ?disease
            { SELECT ?disease (COUNT(*) AS ?n) { ?disease :gene ?gene } GROUP BY ?disease } }""",
        "SELECT * { ?patient :has ?disease . ?disease :gene ?gene FILTER(?gene != :gene2) }",
    ],
    ids=["optional", "minus", "not exists", "distinct", "group", "filter"],
)
async def test_bindings_reach_through_operators(text):
    clinic, registry = Endpoint("clinic", patients(10)), Endpoint("registry", genes(1500))
    result = await both(clinic, registry, text)
    assert purposes(result)["registry"][-1] == "bind join"
    assert sum(m.rows for m in result.certificate.members if m.name == "registry") <= 10


async def test_a_slice_is_never_cut_by_who_asks():
    clinic, registry = Endpoint("clinic", patients(10)), Endpoint("registry", genes(1500))
    text = """SELECT * { ?patient :has ?disease
        { SELECT ?disease { ?disease :gene ?gene } ORDER BY ?gene ?disease LIMIT 20 OFFSET 5 } }"""
    await both(clinic, registry, text)


async def test_an_empty_side_ends_the_join():
    clinic, registry = Endpoint("clinic", patients(10)), Endpoint("registry", genes(1500))
    result = await both(
        clinic, registry, "SELECT * { ?p :has ?d . ?d :gene ?g FILTER(?p = :nobody) }"
    )
    assert purposes(result) == {"clinic": ["scan"], "registry": []}


async def test_without_the_optimiser_every_pattern_is_asked_of_everybody():
    clinic, registry = Endpoint("clinic", patients(200)), Endpoint("registry", genes(200))
    result = await both(clinic, registry, JOIN, optimise=False)
    assert purposes(result) == {"clinic": ["scan"] * 2, "registry": ["scan"] * 2}


async def test_what_one_member_answers_alone_is_one_request():
    data = patients(20) + genes(20)
    clinic, registry = Endpoint("clinic", data), Endpoint("registry", triples("x other y"))
    text = """SELECT ?gene (COUNT(DISTINCT ?patient) AS ?n) {
        ?patient :has ?disease OPTIONAL { ?disease :gene ?gene } FILTER(?disease != :disease3)
    } GROUP BY ?gene HAVING(COUNT(*) > 1) ORDER BY DESC(?n) ?gene LIMIT 4"""
    result = await both(clinic, registry, text)
    assert purposes(result) == {"clinic": ["scan"], "registry": []}


async def test_a_limit_goes_to_every_member():
    clinic, registry = Endpoint("clinic", patients(900)), Endpoint("registry", patients(2000)[900:])
    result = await federation_of(clinic, registry).query(
        PREFIX + "SELECT ?p { ?p :has ?d } LIMIT 7 OFFSET 2"
    )
    assert len(result) == 7
    assert all(member.rows <= 9 for member in result.certificate.members)


# What is running ends when nobody needs it


class _Endless(ScriptedAnswer):
    async def play(self):
        number = 0
        yield b"?patient\t?disease\n"
        while True:
            await asyncio.sleep(0)
            rows = (
                f"<http://example.org/patient{n}>\t<http://example.org/disease{n}>\n"
                for n in range(number, number + 1000)
            )
            number += 1000
            yield "".join(rows).encode()


class _EndlessGenes(ScriptedAnswer):
    async def play(self):
        yield b"?disease\t?gene\n"
        for number in itertools.count():
            await asyncio.sleep(0)
            yield f"<{NAMESPACE}disease{number}>\t<{NAMESPACE}gene1>\n".encode()


def endless(name):
    """An endpoint whose answers have no end."""
    endpoint = Endpoint(name, patients(3))
    endpoint.transport._handler = lambda request: _Endless(media_type=TSV)
    return endpoint


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("SELECT ?patient ?disease { ?patient :has ?disease } LIMIT 5", 5),
        ("SELECT DISTINCT ?patient ?disease { ?patient :has ?disease } LIMIT 5", 5),
        (
            "SELECT * { ?patient :has ?disease FILTER EXISTS { ?disease :gene ?gene } } LIMIT 0",
            0,
        ),
        ("ASK { ?patient :has ?disease }", 1),
    ],
    ids=["limit", "distinct", "limit 0", "ask"],
)
async def test_enough_rows_end_what_is_running(text, rows):
    clinic, registry = endless("clinic"), endless("registry")
    async with asyncio.timeout(LONG / 2):
        result = await federation_of(clinic, registry).query(PREFIX + text, timeout=None)
    assert len(result) == rows
    assert result.certificate.complete
    assert clinic.transport.open == registry.transport.open == 0
    errors = {r.error for m in result.certificate.members for r in m.records}
    assert errors <= {"cancelled"}
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_reader_that_leaves_ends_what_is_running():
    clinic, registry = endless("clinic"), endless("registry")
    federation = federation_of(clinic, registry)
    seen = 0
    async with federation.answer(PREFIX + "SELECT * { ?patient :has ?disease }") as answer:
        async for batch in answer.batches:
            seen += batch.height
            if seen > 5000:
                break
    assert clinic.transport.open == registry.transport.open == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_first_row_comes_before_the_last_is_there():
    registry = endless("registry")
    registry.transport._handler = lambda request: ScriptedAnswer(delay=LONG)
    clinic = Endpoint("clinic", patients(5))
    async with (
        asyncio.timeout(LONG / 2),
        federation_of(clinic, registry).answer(PREFIX + "SELECT * { ?p :has ?d }") as answer,
    ):
        assert (await anext(answer.batches)).height == 5


def silent(name):
    """An endpoint that hangs at every query; its profile says that it has many patients."""
    endpoint = Endpoint(name, patients(1500))
    endpoint.transport._handler = lambda request: ScriptedAnswer(delay=LONG)
    return endpoint


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("SELECT * { ?patient :has ?disease }", 1500),
        (JOIN, 800),
        ("SELECT * { ?patient :has ?disease OPTIONAL { ?disease :gene ?gene } }", 1500),
        ("SELECT * { { ?patient :has ?disease } UNION { ?disease :gene ?gene } }", 2300),
    ],
    ids=["scan", "join", "optional", "union"],
)
async def test_a_slow_member_holds_no_rows_of_the_others_back(text, rows):
    clinic, registry = Endpoint("clinic", patients(1500)), Endpoint("registry", genes(800))
    slow = silent("ward")
    seen = 0
    async with (
        asyncio.timeout(LONG / 2),
        federation_of(clinic, slow, registry).answer(PREFIX + text) as answer,
    ):
        while seen < rows:
            seen += (await anext(answer.batches)).height
    assert seen == rows
    assert clinic.transport.open == slow.transport.open == registry.transport.open == 0


async def test_enough_rows_end_a_join_of_two_sides_without_end():
    clinic, registry = endless("clinic"), Endpoint("registry", genes(800))
    looked_up = registry.transport._handler

    def answer(request):
        is_whole = "VALUES" not in request.query
        return _EndlessGenes(media_type=TSV) if is_whole else looked_up(request)

    registry.transport._handler = answer
    text = PREFIX + JOIN.replace("SELECT *", "SELECT ?patient ?gene")
    async with asyncio.timeout(LONG / 2):
        limited = await federation_of(clinic, registry).query(text + " LIMIT 5", timeout=None)
        assert len(limited) == 5
        async with federation_of(clinic, registry).answer(text, timeout=None) as opened:
            assert (await anext(opened.batches)).height
    assert clinic.transport.open == registry.transport.open == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


# Blank nodes


async def test_equal_labels_at_two_members_never_join():
    clinic = Endpoint("clinic", triples("p1 has _:b", '_:b name "first"'))
    registry = Endpoint("registry", triples("p2 has _:b", "_:b gene g1"))
    text = PREFIX + "SELECT * { ?p :has ?x . ?x :gene ?g }"
    for optimise in (True, False):
        result = await federation_of(clinic, registry).query(text, optimise=optimise)
        assert [row["p"].value for row in result] == ["http://example.org/p2"]
        text_all = PREFIX + "SELECT ?x { ?p :has ?x }"
        found = await federation_of(clinic, registry).query(text_all, optimise=optimise)
        assert len(set(found.frame["x"])) == 2
        assert {label.split(".")[0] for label in found.frame["x"]} == {"_:clinic", "_:registry"}


@pytest.mark.parametrize("optimise", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        "SELECT ?p ?g { ?p :has ?x . ?x :gene ?g }",
        "SELECT ?p ?g { ?p :has ?x OPTIONAL { ?x :gene ?g } }",
        "SELECT ?p { ?p :has ?x MINUS { ?x :gene ?g } }",
        "SELECT ?p { ?p :has ?x FILTER EXISTS { ?x :gene ?g FILTER(?g != ?p) } }",
        "SELECT ?p (COUNT(DISTINCT ?x) AS ?n) { ?p :has ?x } GROUP BY ?p",
        "SELECT ?p { ?p :has ?x FILTER(isBlank(?x)) } ORDER BY ?p",
        "SELECT ?p ?q { ?p :has ?x . ?q :has ?y FILTER(?x = ?y && ?p != ?q) }",
    ],
)
async def test_blank_nodes_join_inside_their_member(text, optimise):
    clinic = triples("p1 has _:c1", "p2 has _:c1", "_:c1 gene g1", "p3 has p1", "p1 gene g2")
    registry = triples("p4 has _:r1", "_:r1 gene g1", "p4 has _:r2", "p5 has _:r1")
    endpoints = Endpoint("clinic", clinic), Endpoint("registry", registry)
    result = await federation_of(*endpoints).query(PREFIX + text, optimise=optimise)
    assert answer_of(result) == oracle(store_of(clinic + registry), PREFIX + text)


async def test_a_row_with_a_blank_node_restricts_nothing_else():
    """Bindings of a column with a blank node in it cannot be sent; the join is right anyway."""
    clinic = triples("p1 has _:c1", "p2 has disease1")
    registry = genes(400)
    endpoints = Endpoint("clinic", clinic), Endpoint("registry", registry)
    result = await federation_of(*endpoints).query(PREFIX + JOIN)
    assert answer_of(result) == oracle(store_of(clinic + registry), PREFIX + JOIN)
    assert purposes(result)["registry"] == ["scan"]
