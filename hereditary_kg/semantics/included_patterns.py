"""``hkg:includes``: what a code is, with all that is narrower.

::

    NCIT:C4802 hkg:includes ?d .
    ?patient ex:disease ?d .

The first pattern is none of data. It says of the others in its group that have ``?d`` as object
that they match the member's codes which are, by the hub, NCIT:C4802 or narrower (or, at a member
that has none of these, the nearest that are broader); ``?d`` shows them as always, by the user's
code for each. That is more than joining with the user's codes below NCIT:C4802: the nearest code
that the user's vocabulary has for a member's code may lie elsewhere in the hierarchy.

Where nothing in the group has ``?d`` as object for certain, it is the user's codes themselves.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias
from urllib.parse import quote

from hereditary_kg.federation.coding import VOCABULARY
from hereditary_kg.rdf.terms import IRI, Term
from hereditary_kg.semantics.errors import SemanticsError
from hereditary_kg.semantics.identifiers import vocabulary_of
from hereditary_kg.semantics.translation import Translator
from hereditary_kg.sparql.algebra import (
    BGP,
    Distinct,
    Exists,
    Expression,
    Filter,
    Graph,
    Group,
    Join,
    LeftJoin,
    Minus,
    Pattern,
    Project,
    Reduced,
    TriplePattern,
    Union,
    Values,
    Variable,
    children,
    empty,
    with_children,
)
from hereditary_kg.sparql.paths import RepeatedPath, matches_zero_length, path_predicates
from hereditary_kg.sparql.rewriting import rewrite_expressions
from hereditary_kg.sparql.variables import walk

__all__ = [
    "INCLUDES",
    "SUBCLASS_OF",
    "IncludedPattern",
    "IncludesError",
    "have_own_graphs",
    "named_inclusion",
    "resolve_includes",
    "with_named_inclusions",
]

INCLUDES = IRI(VOCABULARY + "includes")
"""The predicate between a code and each code that it includes."""
SUBCLASS_OF = IRI("http://www.w3.org/2000/01/rdf-schema#subClassOf")


class IncludesError(SemanticsError):
    """``hkg:includes`` stands where it says nothing."""


@dataclass(frozen=True)
class IncludedPattern(TriplePattern):
    """A triple pattern whose object is a code that another one includes.

    Attributes:
        asked: the codes of which each includes it, as canonical CURIEs.
    """

    asked: tuple[str, ...] = ()

    def __hash__(self) -> int:
        return hash((self._hash, self.asked))


class _Saying(NamedTuple):
    """What one pattern of ``hkg:includes`` says: what includes, and what is included."""

    including: Variable | Term
    included: Variable | Term


def resolve_includes(pattern: Pattern, translator: Translator, *, paths: bool = False) -> Pattern:
    """Replace ``hkg:includes`` by what it says of other patterns.

    Args:
        pattern: the query's.
        translator: knows the codes.
        paths: whether ``?d rdfs:subClassOf* CODE`` says the same, because no member has that
            hierarchy.

    Raises:
        IncludesError: what includes is no code, nor a variable with inline data in its group.
        UnknownTermError: the hub does not know a code.
    """
    resolver = _Resolver(translator, paths=paths)
    return rewrite_expressions(resolver.resolve(pattern), resolver.expression)


class _Resolver:
    def __init__(self, translator: Translator, *, paths: bool) -> None:
        self._translator = translator
        self._paths = paths

    def expression(self, expression: Expression) -> Expression:
        if isinstance(expression, Exists):
            return replace(expression, pattern=self.resolve(expression.pattern))
        return expression

    def resolve(self, pattern: Pattern) -> Pattern:
        match pattern:
            case BGP():
                return self._group((pattern,))
            case Join(parts):
                return self._group(parts)
            case _:
                return with_children(pattern, tuple(map(self.resolve, children(pattern))))

    def _group(self, parts: tuple[Pattern, ...]) -> Pattern:
        said: list[_Saying] = []
        rest: list[Pattern] = []
        for part in parts:
            if not isinstance(part, BGP):
                rest.append(self.resolve(part))
                continue
            found = [(triple, self._saying(triple)) for triple in part.triples]
            said.extend(saying for _, saying in found if saying is not None)
            rest.append(BGP(tuple(triple for triple, saying in found if saying is None)))
        return self._said_of(Join.of(rest), said)

    def _saying(self, triple: TriplePattern) -> _Saying | None:
        if triple.predicate == INCLUDES:
            return _Saying(triple.subject, triple.object)
        walked = self._paths and triple.predicate == RepeatedPath(SUBCLASS_OF, "*")
        if walked and self._is_code(triple.object) and isinstance(triple.subject, Variable):
            return _Saying(triple.object, triple.subject)
        return None

    def _is_code(self, term: Variable | Term) -> bool:
        if isinstance(term, Variable):
            return False
        code = self._translator.code(term)
        return code is not None and vocabulary_of(code) in self._translator.vocabularies

    def _said_of(self, group: Pattern, said: Sequence[_Saying]) -> Pattern:
        """Say of a group what the first of ``said`` says, then what the others do."""
        if not said:
            return group
        (including, included), others = said[0], said[1:]
        if not isinstance(including, Variable):
            restricted = self._restricted(group, self._code(including), included)
            return self._said_of(restricted, others)
        return Union.of(
            self._said_of(self._restricted(fixed, self._code(term), included), others)
            for term, fixed in _fixed(group, including)
        )

    def _code(self, term: Term) -> str:
        code = self._translator.code(term)
        if code is None:
            raise IncludesError(
                f"{term} hkg:includes …: that is no IRI of a code of a known vocabulary. "
                f"A code of the user's looks like {self._translator.namespace}…"
            )
        return code

    def _restricted(self, group: Pattern, asked: str, included: Variable | Term) -> Pattern:
        self._translator.check(asked)
        if isinstance(included, Variable):
            marked = _marked(group, included, asked)
            if marked is not None:
                return marked
        terms = tuple(map(self._translator.iri, self._translator.included(asked)))
        if not isinstance(included, Variable):
            return group if included in terms else empty()
        return Join.of((group, Values((included,), tuple((term,) for term in terms))))


def _fixed(group: Pattern, variable: Variable) -> Iterable[tuple[Term, Pattern]]:
    """Part a group by the terms that its inline data give a variable."""
    parts = group.parts if isinstance(group, Join) else (group,)
    for position, part in enumerate(parts):
        if not isinstance(part, Values) or variable not in part.variables:
            continue
        place = part.variables.index(variable)
        by_term: dict[Term, list[tuple[Term | None, ...]]] = {}
        for row in part.rows:
            term = row[place]
            if term is None:
                break
            by_term.setdefault(term, []).append(row)
        else:
            for term, rows in by_term.items():
                own = Values(part.variables, tuple(rows))
                yield term, Join.of((*parts[:position], own, *parts[position + 1 :]))
            return
    raise IncludesError(
        f"{variable} hkg:includes …: what includes must be a code, or a variable that VALUES in "
        "the same group gives codes to."
    )


def _marked(pattern: Pattern, variable: Variable, asked: str) -> Pattern | None:
    """Restrict the triple patterns with ``variable`` as object to what a code includes.

    Returns:
        None where not every solution matches one of them.
    """
    match pattern:
        case BGP(triples):
            found = [triple for triple in triples if _has_object(triple, variable)]
            marked = (_mark(each, asked) if each in found else each for each in triples)
            return BGP(tuple(marked)) if found else None
        case Join(parts):
            new = [_marked(part, variable, asked) for part in parts]
            if all(part is None for part in new):
                return None
            kept = (part if to is None else to for part, to in zip(parts, new, strict=True))
            return Join.of(kept)
        case Union(branches):
            new = [_marked(branch, variable, asked) for branch in branches]
            whole = [branch for branch in new if branch is not None]
            return Union.of(whole) if len(whole) == len(new) else None
        case LeftJoin(left, right, condition):
            inner = _marked(left, variable, asked)
            return None if inner is None else LeftJoin.of(inner, right, condition)
        case Minus(left, right):
            inner = _marked(left, variable, asked)
            return None if inner is None else Minus.of(inner, right)
        case Filter() | Graph() | Distinct() | Reduced():
            inner = _marked(pattern.pattern, variable, asked)
            return None if inner is None else with_children(pattern, (inner,))
        case Project(inner_pattern, shown) | Group(inner_pattern, shown) if variable in shown:
            inner = _marked(inner_pattern, variable, asked)
            return None if inner is None else with_children(pattern, (inner,))
        case _:
            return None


def _has_object(triple: TriplePattern, variable: Variable) -> bool:
    return triple.object == variable and not triple.is_path


def _mark(triple: TriplePattern, asked: str) -> TriplePattern:
    before = triple.asked if isinstance(triple, IncludedPattern) else ()
    return IncludedPattern(triple.subject, triple.predicate, triple.object, (*before, asked))


GraphName: TypeAlias = Variable | IRI | None


def named_inclusion(
    triple: TriplePattern, graph: GraphName, *, apart: bool
) -> tuple[TriplePattern, GraphName]:
    """Give a place of its own to what matches the codes that another one includes.

    Where a pattern is evaluated over triples that were fetched, those that were fetched for it
    are told from others by a graph of their own or, where the query names graphs, by a predicate.

    Args:
        triple: the triple pattern.
        graph: the graph that it is matched in.
        apart: whether it is to be a graph; see `have_own_graphs`.

    Returns:
        A triple pattern, and the graph that it is matched in.

    Raises:
        IncludesError: it cannot have a predicate of its own.
    """
    if not isinstance(triple, IncludedPattern):
        return triple, graph
    plain = TriplePattern(triple.subject, triple.predicate, triple.object)
    if apart:
        return plain, _own_name(triple.asked)
    if not isinstance(triple.predicate, IRI):
        raise IncludesError(
            f"{triple.object} is included by {' and '.join(triple.asked)}, and is the object of a "
            "predicate that is a variable, inside a form with GRAPH that the mediator evaluates; "
            "name the predicate."
        )
    return replace(plain, predicate=_own_name((triple.predicate.value, *triple.asked))), graph


def _own_name(parts: tuple[str, ...]) -> IRI:
    return IRI(f"{INCLUDES.value}/{quote(' '.join(parts), safe='')}")


def have_own_graphs(pattern: Pattern) -> bool:
    """Whether what is included can be kept in graphs of its own, which no GRAPH sees then.

    Raises:
        IncludesError: it cannot, and a predicate of its own would be seen by another pattern.
    """
    nodes = tuple(walk(pattern))
    graphs = [node for node in nodes if isinstance(node, Graph)]
    if not any(isinstance(g.name, Variable) or any(_included(walk(g))) for g in graphs):
        return True
    if any(_included(nodes)) and any(map(_walks_anything, _triples(nodes))):
        raise IncludesError(
            "hkg:includes stands beside a pattern of any predicate, inside a form with GRAPH that "
            "the mediator evaluates; name the predicates."
        )
    return False


def _triples(nodes: Iterable[Pattern]) -> Iterator[TriplePattern]:
    return (triple for node in nodes if isinstance(node, BGP) for triple in node.triples)


def _included(nodes: Iterable[Pattern]) -> Iterator[bool]:
    return (isinstance(triple, IncludedPattern) for triple in _triples(nodes))


def _walks_anything(triple: TriplePattern) -> bool:
    predicate = triple.predicate
    return (
        isinstance(predicate, Variable)
        or path_predicates(predicate) is None
        or matches_zero_length(predicate)
    )


def with_named_inclusions(pattern: Pattern) -> Pattern:
    """Do that (:func:`named_inclusion`) wherever it applies.

    Raises:
        IncludesError: as `have_own_graphs` and `named_inclusion`.
    """
    apart = have_own_graphs(pattern)

    def expression(part: Expression) -> Expression:
        return replace(part, pattern=named(part.pattern)) if isinstance(part, Exists) else part

    def named(part: Pattern) -> Pattern:
        if isinstance(part, BGP):
            return _placed(part, apart=apart)
        return with_children(part, tuple(map(named, children(part))))

    return rewrite_expressions(named(pattern), expression)


def _placed(pattern: BGP, *, apart: bool) -> Pattern:
    # Within GRAPH they keep to it, for then they are told apart by their predicates.
    if not any(_included((pattern,))):
        return pattern
    new = [named_inclusion(each, None, apart=apart) for each in pattern.triples]
    here = BGP(tuple(triple for triple, graph in new if graph is None))
    elsewhere = (Graph(graph, BGP((triple,))) for triple, graph in new if graph is not None)
    return Join.of((here, *elsewhere))
