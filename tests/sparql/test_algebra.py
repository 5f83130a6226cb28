"""What the constructors of the algebra leave out, and that it changes no answer."""

from algebra_evaluation import Evaluation, multiset, rows_of, store_of
from hypothesis import given, note, settings
from query_generation import patterns, triples

from hereditary_kg.rdf.terms import IRI, Literal
from hereditary_kg.sparql.algebra import (
    BGP,
    TRUE,
    UNIT,
    Call,
    Distinct,
    Extend,
    Filter,
    Join,
    LeftJoin,
    Minus,
    RepeatedPath,
    Slice,
    TriplePattern,
    Union,
    Values,
    Variable,
    children,
    conjunction,
    conjuncts,
    empty,
    is_empty,
    with_children,
)
from hereditary_kg.sparql.printing import select_text
from hereditary_kg.sparql.variables import scope_variables, walk

A, B, C = (Variable(name) for name in "abc")
P, Q = IRI("http://example.org/p"), IRI("http://example.org/q")
ONE = BGP((TriplePattern(A, P, B),))
OTHER = BGP((TriplePattern(B, Q, C),))
ODD = Call("BOUND", (A,))
EVEN = Call("BOUND", (B,))


def normalised(pattern):
    """Build ``pattern`` once more through the constructors, bottom up."""
    new = tuple(normalised(child) for child in children(pattern))
    match pattern:
        case Join():
            return Join.of(new)
        case Union():
            return Union.of(new)
        case LeftJoin(_, _, condition):
            return LeftJoin.of(*new, condition)
        case Filter(condition, _):
            return Filter.of(condition, *new)
        case Minus():
            return Minus.of(*new)
        case _:
            return with_children(pattern, new)


@settings(max_examples=200, deadline=None)
@given(patterns(raw=True), triples())
def test_normalising_changes_no_answer(raw, data):
    built = normalised(raw)
    scope = scope_variables(raw)
    store = store_of(data)
    note(select_text(raw, scope))
    note(select_text(built, scope))
    expected = multiset(Evaluation(data).solutions(raw))
    assert multiset(Evaluation(data).solutions(built)) == expected
    assert multiset(rows_of(store, select_text(raw, scope)), scope) == expected
    assert multiset(rows_of(store, select_text(built, scope)), scope) == expected


@settings(max_examples=200, deadline=None)
@given(patterns(raw=True))
def test_what_was_normalised_holds_nothing_trivial(raw):
    built = normalised(raw)
    assert normalised(built) == built
    assert set(scope_variables(built)) <= set(scope_variables(raw))
    for node in walk(built, into_exists=False):
        match node:
            case Join(parts):
                assert len(parts) > 1
                assert not any(isinstance(part, Join) or is_empty(part) for part in parts)
                assert sum(isinstance(part, BGP) for part in parts) <= 1
            case Union(branches):
                assert len(branches) > 1
                assert not any(isinstance(b, Union) or is_empty(b) for b in branches)
            case Filter(condition, inner):
                assert TRUE not in conjuncts(condition)
                assert not isinstance(inner, Filter)
            case LeftJoin(_, right, condition):
                assert right != UNIT
                assert condition != TRUE
            case _:
                continue


def test_joins_are_flat_and_their_triples_together():
    values = Values((A,), ((Literal("x"),),))
    joined = Join.of((ONE, Join.of((values, OTHER))))
    assert joined == Join((BGP((*ONE.triples, *OTHER.triples)), values))


def test_a_triple_stands_once_but_a_path_as_often_as_it_was_written():
    path = BGP((TriplePattern(A, RepeatedPath(P, "?"), B),))
    assert Join.of((ONE, ONE)) == ONE
    assert len(Join.of((path, path)).triples) == 2


def test_the_empty_pattern_swallows_joins_and_leaves_unions():
    assert is_empty(Join.of((ONE, empty())))
    assert Union.of((ONE, empty())) == ONE
    assert is_empty(Union.of(()))
    assert LeftJoin.of(ONE, empty()) == ONE
    assert Minus.of(ONE, empty()) == ONE
    assert is_empty(Minus.of(empty(), ONE))


def test_the_unit_joins_away():
    assert Join.of((UNIT, ONE)) == ONE
    assert Join.of(()) == UNIT
    assert LeftJoin.of(ONE, UNIT, ODD) == ONE


def test_filters_become_one_conjunction_without_repeats():
    assert Filter.of(TRUE, ONE) == ONE
    built = Filter.of(conjunction((EVEN, TRUE, ODD)), Filter.of(ODD, ONE))
    assert built == Filter(Call("&&", (ODD, EVEN)), ONE)


def test_new_children_are_normalised_and_the_same_ones_give_the_same_node():
    union = Union((ONE, OTHER))
    assert with_children(union, (ONE, OTHER)) is union
    assert with_children(union, (ONE, empty())) == ONE
    for node in (Distinct(ONE), Slice(ONE, 1, 2), Extend(ONE, C, ODD)):
        assert children(with_children(node, (OTHER,))) == (OTHER,)


def test_nodes_are_values():
    assert hash(Join.of((ONE, OTHER))) == hash(Join.of((ONE, OTHER)))
    assert len({Filter.of(ODD, ONE), Filter.of(ODD, ONE), Filter.of(EVEN, ONE)}) == 2
