import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hereditary_kg.sites.term_filters import (
    HASH_BYTES,
    TermFilter,
    hash_term,
    pack_members,
    union_size,
    unpack_members,
)

HP = "http://purl.obolibrary.org/obo/HP_"
_TERM = st.one_of(
    st.integers(0, 30).map(lambda code: f"<{HP}{code}>"),
    st.integers(0, 30).map(lambda code: f"<http://other/{code}>"),
    st.sampled_from(['"a"', '"b"', '"a"@en', '"a>"', '"1"^^<http://x/t>', "_:b0", "_:b1"]),
)


def held_by(terms, namespaces, literals):
    starts = tuple("<" + namespace for namespace in namespaces)
    return [
        term
        for term in terms
        if term.startswith(starts) or (literals and term[0] == '"' and not term.endswith(">"))
    ]


@given(st.sets(_TERM), st.sets(_TERM), st.booleans())
def test_a_filter_excludes_just_the_covered_terms_that_are_absent(present, asked, literals):
    namespaces = (HP,)
    terms = TermFilter.of_terms(
        namespaces, held_by(present, namespaces, literals), literals=literals
    )
    for term in asked:
        covered = bool(held_by([term], namespaces, literals))
        assert terms.covers(term) == covered
        assert terms.excludes(term) == (covered and term not in present)
    column = pl.Series([*sorted(asked), None], dtype=pl.String)
    admitted = terms.admits_many(column)
    assert admitted.to_list() == [term is None or not terms.excludes(term) for term in column]


@given(st.sets(_TERM), st.sets(_TERM))
def test_filters_overlap_where_a_covered_term_is_common(left, right):
    both = (HP, "http://other/")
    some = TermFilter.of_terms(both, held_by(left, both, False))
    others = TermFilter.of_terms((HP,), held_by(right, (HP,), False))
    common = set(held_by(left & right, (HP,), False))
    assert some.overlaps(others) == others.overlaps(some) == bool(common)


def test_a_filter_of_nothing_excludes_everything_that_it_covers():
    nothing = TermFilter.of_terms([HP], [])
    assert nothing
    assert nothing.excludes(f"<{HP}1>")
    assert not nothing.excludes("<http://x/>")
    assert not nothing.overlaps(nothing)
    assert nothing.admits_many(pl.Series([], dtype=pl.String)).to_list() == []


def test_hashes_stay_what_they_are():
    # Profiles of other sites hold them.
    assert hash_term(f"<{HP}0001250>").hex() == "688cbabffd"
    assert TermFilter.of_terms([HP], [f"<{HP}1>", f"<{HP}2>", f"<{HP}1>"]).hashes == b"".join(
        sorted((hash_term(f"<{HP}1>"), hash_term(f"<{HP}2>")))
    )


@given(st.integers(0, 3000).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n)))))
def test_members_are_written_and_read_back(case):
    size, chosen = case
    members = sorted(each for each in chosen if each < size)
    things = [number.to_bytes(HASH_BYTES, "big") for number in range(size)]
    assert unpack_members(pack_members(members, size), things) == [things[i] for i in members]
    everything = list(range(size))
    assert unpack_members(pack_members(everything, size), things) == things


@pytest.mark.parametrize("text", ["", "x", "dBQ==", "bBA==", "d?"])
def test_broken_members_are_refused(text):
    with pytest.raises(ValueError, match=r"filter|base64|padding|decoded"):
        unpack_members(text, [b"1", b"2"])


@pytest.mark.parametrize(
    ("sizes", "error"), [((50, 80), 0), ((5000, 9000), 0.25), ((3, 9000), 0.25)]
)
def test_the_terms_that_filters_have_together_are_counted_once(sizes, error):
    filters = tuple(
        TermFilter.of_terms((HP,), [f"<{HP}{n}>" for n in range(start, start + size)])
        for start, size in zip((0, sizes[0] // 2), sizes, strict=True)
    )
    together = max(sizes[0], sizes[0] // 2 + sizes[1])
    assert union_size(filters) == pytest.approx(together, rel=error)
    assert union_size(filters) == union_size(filters[::-1])
