"""What asking members costs: as ever where nothing is learnt, and by what was."""

import math

from hereditary_kg.federation.statistics import MemberStatistics
from hereditary_kg.planning.costs import asking_cost, routed_share
from hereditary_kg.planning.domains import VariableEnd, leaf_ends
from hereditary_kg.planning.leaves import pattern_leaves
from hereditary_kg.planning.members import MemberView
from hereditary_kg.planning.sources import select_sources
from hereditary_kg.sites.profiling import profile_store
from hereditary_kg.sparql.algebra import Variable
from hereditary_kg.sparql.parsing import parse_query
from tests.dealt_federations import store_of

NEW = MemberStatistics()


def taught(latency=0.02, row=0.00001, size=80.0):
    return MemberStatistics(10, latency, row, size)


def test_nothing_learnt_leaves_the_constants():
    asking = asking_cost([NEW] * 3)
    assert math.isclose(asking.whole(1000, 2), 3 * 0.005 + 1000 * 0.000005)
    assert math.isclose(asking.bound(500, 10, 2), 3 * 0.005 + 500 * 0.00002 + 10 * 0.000005)
    assert asking_cost([]) == asking_cost([NEW])


def test_members_are_waited_for_together_and_the_slowest_counts():
    quick, slow = taught(0.001), taught(0.2)
    one, several = asking_cost([slow]), asking_cost([slow, *[quick] * 9])
    assert several.latency == one.latency
    assert math.isclose(several.whole(0, 1) - one.whole(0, 1), 9 * several.request)
    assert asking_cost([quick, NEW]).latency > asking_cost([quick]).latency


def test_noise_does_not_change_what_was_learnt():
    assert asking_cost([taught(0.021)]) == asking_cost([taught(0.019)])
    assert asking_cost([taught(0.08)]) != asking_cost([taught(0.02)])


def test_wide_rows_and_slow_members_make_looking_up_cheaper():
    usual = asking_cost([taught()])
    assert usual.shipped(100, 8) > usual.shipped(100, 2)
    slow = asking_cost([taught(row=0.001)])
    assert slow.most_bindings(1000, 2) > usual.most_bindings(1000, 2)
    far = asking_cost([taught(latency=2.0)])
    assert far.most_bindings(1000, 2) < usual.most_bindings(1000, 2)
    assert usual.bound(1000, 10, 2, share=0.1) < usual.bound(1000, 10, 2)


def end_of(variable, text, views):
    query = parse_query("PREFIX : <http://example.org/> SELECT * { " + text + " }")
    (leaf,) = pattern_leaves(query.pattern)
    end = leaf_ends(leaf, select_sources(query, views))[Variable(variable)]
    assert isinstance(end, VariableEnd)
    return end


def hospitals(count):
    for n in range(count):
        triples = [
            (f"<http://site{n}.example/{i}>", "<http://example.org/has>", f"<http://c.org/{i}>")
            for i in range(5)
        ]
        yield MemberView(f"m{n}", profile_store(store_of(triples), "1"))


def test_a_binding_goes_to_the_one_hospital_that_has_the_patient():
    views = list(hospitals(4))
    members = tuple(view.name for view in views)
    patient, code = end_of("p", "?p :has ?c", views), end_of("c", "?p :has ?c", views)
    assert routed_share([patient], members) == 0.25
    assert routed_share([code], members) == 1.0
    assert routed_share([patient, code], members) == 0.25
    assert routed_share([patient], members[:1]) == 1.0
    assert routed_share([], members) == 1.0
