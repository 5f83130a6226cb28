"""Expansions: the walk that leads to a site's codes alone, against a walk through everything."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from hereditary_kg.semantics.expansion import Census
from hereditary_kg.semantics.hub import MAPPINGS, Hub
from hereditary_kg.semantics.terminology import EDGES, SYNONYMS, TERMS, Terminology

MONDO = tuple(f"MONDO:{n:07}" for n in range(1, 9))
OTHERS = ("NCIT:C1", "NCIT:C2", "OMIM:1", "OMIM:2", "OMIM:3", "DOID:1")
PREDICATES = ("skos:exactMatch", "skos:exactMatch", "skos:broadMatch", "skos:narrowMatch")


class Everything(frozenset):
    def __contains__(self, _name):
        return True


class ThroughEverything(Census):
    """A census that is looked up without its index of what leads to its codes."""

    _leading = Everything()


@st.composite
def hubs(draw):
    pair = st.tuples(st.sampled_from(MONDO), st.sampled_from(MONDO)).filter(lambda e: e[0] != e[1])
    edges = draw(st.lists(pair, max_size=10, unique=True))
    replaced = dict(draw(st.lists(pair, max_size=3, unique_by=lambda e: e[0])))
    rows = [
        (name, name, None, name in replaced, [replaced[name]] if name in replaced else [])
        for name in MONDO
    ]
    mondo = Terminology(
        "MONDO",
        "1",
        pl.DataFrame(rows, schema=TERMS, orient="row"),
        pl.DataFrame(schema=SYNONYMS),
        pl.DataFrame(edges, schema=EDGES, orient="row"),
        "",
        "",
        "",
    )
    mapped = draw(
        st.lists(
            st.tuples(
                st.sampled_from(MONDO + OTHERS),
                st.sampled_from(PREDICATES),
                st.sampled_from(OTHERS),
            ).filter(lambda row: row[0] != row[2]),
            max_size=12,
            unique=True,
        )
    )
    table = [(*row, "", None, None, None, f"s#{n}", "") for n, row in enumerate(mapped)]
    return Hub({"MONDO": mondo}, pl.DataFrame(table, schema=MAPPINGS, orient="row"))


@settings(max_examples=400, deadline=None)
@given(
    hubs(),
    st.lists(st.sampled_from(MONDO + OTHERS), max_size=6, unique=True),
    st.sampled_from(MONDO + OTHERS),
    st.booleans(),
)
def test_what_leads_to_no_code_of_the_site_is_passed_over(hub, codes, asked, descendants):
    census, slow = Census(hub, codes), ThroughEverything(hub, codes)
    assert census.expand(asked, descendants=descendants) == slow.expand(
        asked, descendants=descendants
    )


@given(hubs(), st.lists(st.sampled_from(MONDO + OTHERS), max_size=3, unique=True))
def test_at_or_above_is_where_steps_down_lead_from(hub, names):
    def below(start):
        """What steps down lead to."""
        found, waiting = {start}, [start]
        while waiting:
            name = waiting.pop()
            ends = {*hub.exact(name), *(step.end for step in hub.narrower(name))} - found
            found |= ends
            waiting.extend(ends)
        return found

    starts = {name for name in MONDO + OTHERS if not below(name).isdisjoint(names)}
    assert starts <= hub.at_or_above(names)
