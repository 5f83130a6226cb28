"""What particular stores do in their own way."""

import polars as pl
import pytest

from hereditary_kg.federation.deadline import Deadline
from hereditary_kg.federation.description import MemberDescription
from hereditary_kg.federation.errors import MemberError, RowCapError
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.request_log import RequestLog
from hereditary_kg.federation.transport import ScriptedAnswer, ScriptedTransport

JSON = "application/sparql-results+json"
BOOLEAN = "http://www.w3.org/2001/XMLSchema#boolean"
VIRTUOSO = {"Server": "Virtuoso/07.20.3229 (Linux) x86_64-pc-linux-gnu"}


def boolean_answer(value, headers):
    body = (
        '{"head":{"vars":["s"]},"results":{"bindings":[{"s":{"type":"typed-literal",'
        f'"datatype":"{BOOLEAN}","value":"{value}"}}}}]}}}}'
    )
    return ScriptedAnswer(body, media_type=JSON, headers=headers)


async def asked(answer):
    member = Member(MemberDescription("clinic"), ScriptedTransport(lambda _: answer))
    batches = member.select("SELECT ?s {}", ["s"], deadline=Deadline(30), log=RequestLog())
    return pl.concat([batch async for batch in batches])["s"].to_list()


@pytest.mark.parametrize(("value", "meant"), [("1", "true"), ("0", "false"), ("true", "true")])
async def test_booleans_of_virtuoso_are_words(value, meant):
    assert await asked(boolean_answer(value, VIRTUOSO)) == [f'"{meant}"^^<{BOOLEAN}>']


async def test_numbers_as_booleans_of_others_are_terms_of_their_own():
    assert await asked(boolean_answer("1", {})) == [f'"1"^^<{BOOLEAN}>']


async def test_tsv_of_virtuoso_is_refused_with_the_remedy():
    answer = ScriptedAnswer('"s"\n"http://e/a"\n', headers=VIRTUOSO)
    with pytest.raises(MemberError, match='set results = "json"') as caught:
        await asked(answer)
    assert caught.value.kind == "content"


@pytest.mark.parametrize(
    "answer",
    [
        ScriptedAnswer("?s\n<e:a>\n", headers={"x-sql-state": "S1TAT"}),
        ScriptedAnswer("?s\n<e:a>\n", status=206),
    ],
)
async def test_what_a_time_limit_left_is_no_answer(answer):
    with pytest.raises(MemberError, match="its time limit ended the query") as caught:
        await asked(answer)
    assert caught.value.kind == "truncated"


async def test_an_answer_of_as_many_rows_as_the_member_gives_may_be_cut_short():
    full = ScriptedAnswer("?s\n<e:a>\n<e:b>\n", headers={"X-SPARQL-MaxRows": "2"})
    with pytest.raises(RowCapError) as caught:
        await asked(full)
    assert caught.value.rows == 2
    assert await asked(ScriptedAnswer("?s\n<e:a>\n", headers={"X-SPARQL-MaxRows": "2"})) == [
        "<e:a>"
    ]
