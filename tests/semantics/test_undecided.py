"""Codes that may be what was asked for, against the definition worked out term by term."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hereditary_kg.semantics.expansion import Bound, Census
from hereditary_kg.semantics.hub import MAPPINGS, Hub
from hereditary_kg.semantics.terminology import EDGES, SYNONYMS, TERMS, Terminology

MONDO = tuple(f"MONDO:{n:07}" for n in range(1, 7))
ICD = ("ICD10:G12", "ICD10:G12.1", "ICD10:G12.2", "ICD10:G20", "ICD10:C22")
OMIM = tuple(f"OMIM:{n}" for n in range(100001, 100005))
NCIT = ("NCIT:C1", "NCIT:C2", "NCIT:C3")


def terminology(name, terms, edges=()):
    return Terminology(
        name,
        "1",
        pl.DataFrame([(term, term, None, False, []) for term in terms], TERMS, orient="row"),
        pl.DataFrame(schema=SYNONYMS),
        pl.DataFrame(list(edges), schema=EDGES, orient="row"),
        name,
        "",
        name,
    )


def hub_of(terminologies, mappings=()):
    rows = [(*row, "", None, None, None, f"s#{n}", "") for n, row in enumerate(mappings, 1)]
    frame = pl.DataFrame(rows, schema=MAPPINGS, orient="row")
    return Hub({each.name: each for each in terminologies}, frame)


def related(hub, start):
    """What is the same as a term or broader, one pair of terms after the other."""
    pairs = set()
    for each in hub.terminologies.values():
        pairs |= set(each.edges.select("child", "parent").iter_rows())
    for subject, predicate, target in hub.mappings.select(
        "subject", "predicate", "object"
    ).iter_rows():
        if predicate in ("skos:exactMatch", "skos:broadMatch"):
            pairs.add((subject, target))
        if predicate in ("skos:exactMatch", "skos:narrowMatch"):
            pairs.add((target, subject))
    found = {start}
    while True:
        more = {high for low, high in pairs if low in found} - found
        if not more:
            return found
        found |= more


def same(hub, start):
    """What is the same as a term."""
    exact = hub.mappings.filter(pl.col("predicate") == "skos:exactMatch")
    alone = Hub(mappings=exact)
    return {name for name in related(alone, start) if start in related(alone, name)}


def steps_up(hub, start):
    """How many steps what is the same or broader is away."""
    found = dict.fromkeys(same(hub, start), 0)
    distance = 0
    while distance in found.values():
        front = [name for name, far in found.items() if far == distance]
        distance += 1
        ends = {step.end for name in front for step in hub.broader(name)}
        for name in {other for end in ends for other in same(hub, end)}:
            found.setdefault(name, distance)
    return found


def may_be(hub, code, asked):
    """Whether a code may be, or be narrower than, what is asked for: the definition."""
    above = steps_up(hub, asked)
    if asked in related(hub, code) or not same(hub, code).isdisjoint(above):
        return False
    vocabularies = {name.partition(":")[0] for name in above}
    nearest = {
        vocabulary: [
            name
            for name, far in above.items()
            if name.startswith(vocabulary + ":")
            and far == min(f for n, f in above.items() if n.startswith(vocabulary + ":"))
        ]
        for vocabulary in vocabularies
    }

    def has_both(term):
        vocabulary = term.partition(":")[0]
        known = hub.terminologies.get(vocabulary)
        if known is None or vocabulary not in nearest or term not in known.terms["id"].to_list():
            return False
        return bool(known.edges.height) or asked.startswith(vocabulary + ":")

    def below(term, other):
        own = Hub({name: each for name, each in hub.terminologies.items() if each.edges.height})
        return other in related(own, term)

    def is_other(term):
        if term in above:
            return False
        vocabulary = term.partition(":")[0]
        if has_both(term):
            exact = any(above[name] == 0 for name in nearest[vocabulary])
            return exact or not all(below(term, name) for name in nearest[vocabulary])
        return vocabulary == "ICD10" and not all(
            term.startswith(name) for name in nearest.get(vocabulary, ())
        )

    if any(map(is_other, related(hub, code))):
        return False
    narrower = [
        step.end
        for name in same(hub, code)
        for step in hub.narrower(name)
        if step.mapping is not None
    ]
    return not any(map(has_both, narrower))


downwards = st.lists(
    st.tuples(st.sampled_from(MONDO), st.sampled_from(MONDO)).filter(lambda e: e[0] > e[1]),
    max_size=7,
    unique=True,
)
mapped = st.lists(
    st.tuples(
        st.sampled_from(MONDO),
        st.sampled_from(
            ("skos:exactMatch", "skos:exactMatch", "skos:broadMatch", "skos:narrowMatch")
        ),
        st.sampled_from(NCIT + OMIM + ICD),
    ),
    max_size=10,
    unique=True,
)
ICD_EDGES = [("ICD10:G12.1", "ICD10:G12"), ("ICD10:G12.2", "ICD10:G12")]


@st.composite
def hubs(draw):
    made = [terminology("MONDO", MONDO, draw(downwards))]
    if draw(st.booleans()):
        made.append(terminology("ICD10", ICD[:4], ICD_EDGES))
    if draw(st.booleans()):
        made.append(terminology("OMIM", OMIM[:3]))
    if draw(st.booleans()):
        made.append(terminology("NCIT", NCIT))
    return hub_of(made, draw(mapped))


@settings(max_examples=400, deadline=None)
@given(
    hubs(),
    st.lists(st.sampled_from(OMIM + ICD + NCIT), min_size=1, unique=True),
    st.sampled_from(NCIT + MONDO[:2]),
)
def test_undecided_are_the_codes_that_nothing_tells_from_what_was_asked(hub, codes, asked):
    expansion = Census(hub, codes).expand(asked)
    known = {*expansion.codes}
    expected = {code for code in codes if code not in known and may_be(hub, code, asked)}
    assert {*expansion.undecided} == expected
    assert (expansion.bound in (Bound.LOWER, Bound.MIXED)) == bool(expected)


ALS, MND, BRAIN, LIVER = MONDO[:4]
TREE = terminology("MONDO", MONDO, [(ALS, MND), (MND, BRAIN), (LIVER, MONDO[4])])
KNOWN = [
    (ALS, "skos:exactMatch", "NCIT:C1"),
    (MND, "skos:exactMatch", "ICD10:G12.2"),
    (LIVER, "skos:exactMatch", "OMIM:100001"),
    ("OMIM:100002", "skos:broadMatch", LIVER),
    ("OMIM:100003", "skos:broadMatch", BRAIN),
]


@pytest.mark.parametrize(
    ("code", "is_undecided"),
    [
        ("OMIM:999999", True),  # not known at all
        ("OMIM:100001", False),  # something else
        ("OMIM:100002", False),  # part of something else
        ("OMIM:100003", True),  # part of something that ALS is part of too
        ("ICD10:C22.0", False),  # by its text in another category
        ("ICD10:G12.2", False),  # broader, and found
        ("ICD10:G12.25", True),  # by its text within what is broader than ALS
        ("ICD10:G12", False),  # by its text broader
    ],
)
def test_a_code_is_decided_where_something_tells_it_apart(code, is_undecided):
    expansion = Census(hub_of([TREE], KNOWN), [code]).expand("NCIT:C1")
    assert expansion.undecided == ((code,) if is_undecided else ())


def test_a_terminology_without_mapping_tells_its_terms_apart():
    # Nothing maps G20; but ICD-10 has it, and has it outside of G12.2.
    icd = terminology(
        "ICD10",
        ("ICD10:VI", "ICD10:G10-G14", "ICD10:G12.2"),
        [("ICD10:G12.2", "ICD10:G10-G14"), ("ICD10:G10-G14", "ICD10:VI")],
    )
    census = Census(hub_of([TREE, icd], KNOWN), ["ICD10:G12.2", "ICD10:VI", "ICD10:G10-G14"])
    expansion = census.expand("NCIT:C1")
    assert (expansion.codes, expansion.bound) == (("ICD10:G12.2",), Bound.UPPER)


def test_of_what_is_known_of_a_code_only_by_itself_nothing_is_decided():
    expansion = Census(hub_of([TREE], KNOWN), ["OMIM:100001", "ICD10:G12.2"]).expand("NCIT:C2")
    assert expansion.undecided == ("ICD10:G12.2", "OMIM:100001")
