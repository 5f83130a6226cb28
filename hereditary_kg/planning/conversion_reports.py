"""What was converted for a query at each member, by which mappings, and what that makes of it.

A report says of one triple pattern at one member which of the member's codes stand for what was
asked, and how each was found. Together they say how far the answer can be trusted: all of it is
the exact answer over the members' data as they are seen in the user's vocabulary; but what a code
was converted to may say more or less than the code.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any

import polars as pl

from hereditary_kg.planning.leaves import Leaf, edge_leaves, pattern_leaves
from hereditary_kg.planning.sources import Sources
from hereditary_kg.rdf.terms import IRI
from hereditary_kg.semantics.conversion import Conversion
from hereditary_kg.semantics.expansion import Bound, Expansion
from hereditary_kg.semantics.hub import Hub
from hereditary_kg.semantics.included_patterns import IncludedPattern
from hereditary_kg.semantics.query_conversion import ConvertedPredicate, MemberConversion
from hereditary_kg.semantics.translation import Pair, Translation
from hereditary_kg.sparql.algebra import (
    BGP,
    Filter,
    Graph,
    Group,
    Minus,
    Pattern,
    TriplePattern,
    Values,
    Variable,
)
from hereditary_kg.sparql.variables import (
    expression_patterns,
    expression_variables,
    pattern_expressions,
    triple_variables,
    walk,
)

__all__ = ["CodeUse", "ConversionReport", "conversion_bound", "report_conversions", "trace_codes"]


@dataclass(frozen=True)
class CodeUse:
    """One of a member's terms that stands for one of the user's.

    Attributes:
        native: the member's term, as canonical text.
        user: the user's.
        code: the member's, as a canonical CURIE; None for a value that is no code.
        found: how it was found: from the member's code to the user's or, of codes that another
            one includes, to that one. None where it is no code.
        mappings: the mappings on the way: sets and rows, as in `Hub.mappings`.
    """

    native: str
    user: str
    code: str | None
    found: Conversion | None
    mappings: tuple[str, ...]

    @property
    def way(self) -> str:
        """How it was found, in a line."""
        if self.found is None:
            return "declared" if self.native != self.user else "as it is"
        if self.found.target is None:
            return f"{self.found.relation.value}: stays as it is"
        steps = "".join(
            f" {_NAMES.get(s.predicate, s.predicate)} {s.end}" for s in self.found.steps
        )
        return f"{self.found.relation.value}: {self.found.source}{steps}"

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values, ready for JSON."""
        return {
            "native": self.native,
            "user": self.user,
            "code": self.code,
            "relation": None if self.found is None else self.found.relation.value,
            "distance": None if self.found is None else self.found.distance,
            "way": self.way,
            "mappings": list(self.mappings),
        }


_NAMES = {
    "skos:exactMatch": "=",
    "skos:broadMatch": "<",
    "skos:narrowMatch": ">",
    "rdfs:subClassOf": "<",
    "hkg:superClassOf": ">",
    "IAO:0100001": "replaced by",
    "hkg:replaces": "replaces",
}


@dataclass(frozen=True)
class ConversionReport:
    """What was converted for one triple pattern at one member.

    Attributes:
        member: its name.
        predicate: the user's.
        native: the member's.
        asked: the codes that were asked for: one, those that include others, or none for all.
        descendants: whether what is narrower counts.
        variable: the name of the variable that shows the codes; None for a constant.
        bound: what the codes make of the answer.
        codes: how many different codes the member has there.
        unmapped: how many of them have none in the user's vocabulary, and stay as they are.
        unknown: those of which the hub knows nothing.
        undecided: those that may be what was asked for although nothing says so, and that are
            not counted; of all terms, `unknown`.
        foreign: what else stands there that is a code, but of another vocabulary than the
            member's description says; it is left out.
        uncoded: how many other terms stand there that are no codes.
        unlisted: how many terms the member was asked for, where it does not list its own; None
            where it does.
    """

    member: str
    predicate: str
    native: str
    asked: tuple[str, ...]
    descendants: bool
    variable: str | None
    bound: Bound
    codes: int
    unmapped: int
    unknown: tuple[str, ...]
    undecided: tuple[str, ...]
    foreign: tuple[str, ...]
    uncoded: int
    unlisted: int | None
    _hub: Hub
    _pairs: tuple[Pair, ...]
    _found: Mapping[str, Conversion]

    @cached_property
    def uses(self) -> tuple[CodeUse, ...]:
        """The member's terms that stand for the user's, each with how it was found."""
        return tuple(self._use(pair) for pair in self._pairs)

    def _use(self, pair: Pair) -> CodeUse:
        found = self._found.get(pair.code or "", pair.conversion)
        rows = [] if found is None else [s.mapping for s in found.steps if s.mapping is not None]
        sources = tuple(str(self._hub.mappings["source"][row]) for row in rows)
        return CodeUse(pair.native.text, pair.user.text, pair.code, found, sources)

    @property
    def statement(self) -> str:
        """The report in one sentence."""
        natives = {pair.native.text for pair in self._pairs}
        asked = " and ".join(self.asked) or "all terms"
        asked += " and what is narrower" if self.descendants else ""
        told = f"{self.member}: {asked} at <{self.predicate}>: {len(natives):,} of its own, "
        told += self.bound.value
        if self.unmapped:
            told += f"; {self.unmapped:,} of {self.codes:,} codes have none of yours"
        if self.unknown:
            told += f", {len(self.unknown):,} of them are not known at all"
        if self.undecided and self.asked:
            told += f"; {len(self.undecided):,} left out that may be meant"
        if self.foreign:
            told += f"; {len(self.foreign):,} left out that are codes of another vocabulary"
        if self.uncoded:
            told += f"; {self.uncoded:,} of its terms are no codes"
        if self.unlisted is not None:
            told += f"; it does not list its own, and {self.unlisted:,} were asked for"
        return told

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values, ready for JSON."""
        return {
            "member": self.member,
            "predicate": self.predicate,
            "native_predicate": self.native,
            "asked": list(self.asked),
            "descendants": self.descendants,
            "bound": self.bound.value,
            "codes": self.codes,
            "unmapped": self.unmapped,
            "unknown": list(self.unknown),
            "undecided": list(self.undecided),
            "foreign": list(self.foreign),
            "uncoded": self.uncoded,
            "unlisted": self.unlisted,
            "uses": [use.to_dict() for use in self.uses],
        }


_TEXTS = ("variable", "member", "predicate", "native", "user", "way")
_TRACE = pl.Schema([*((name, pl.String()) for name in _TEXTS), ("mappings", pl.List(pl.String))])


def trace_codes(reports: Iterable[ConversionReport], row: Mapping[str, str | None]) -> pl.DataFrame:
    """Give the members' codes that a row of an answer may rest on.

    Args:
        reports: what was converted for the answer.
        row: its terms as canonical texts, by variable.
    """
    lines: list[tuple[object, ...]] = []
    for report in reports:
        shown = report.variable if report.variable in row else None
        if shown is None and not report.asked:
            continue
        place = (shown, report.member, report.predicate)
        lines.extend(
            (*place, use.native, use.user, use.way, list(use.mappings))
            for use in report.uses
            if shown is None or row[shown] == use.user
        )
    return pl.DataFrame(lines, schema=_TRACE, orient="row")


def conversion_bound(pattern: Pattern, reports: Iterable[ConversionReport]) -> Bound:
    """Say what all conversions make of a query's answer.

    What is subtracted turns more into less, and what is neither is called mixed.
    """
    bound = reduce(Bound.and_, (report.bound for report in reports), Bound.EXACT)
    return Bound.MIXED if bound is not Bound.EXACT and _subtracts(pattern) else bound


def _subtracts(pattern: Pattern) -> bool:
    for node in walk(pattern):
        if isinstance(node, Minus):
            return True
        for expression in pattern_expressions(node):
            plain = isinstance(node, Filter) and not getattr(expression, "negated", True)
            if any(expression_patterns(expression)) and not plain:
                return True
    return False


def report_conversions(pattern: Pattern, sources: Sources) -> tuple[ConversionReport, ...]:
    """Report what is converted for a pattern, member by member.

    Args:
        pattern: the query's, without ``hkg:includes``.
        sources: the candidates of its leaves.
    """
    leaves = dict.fromkeys(
        edge
        for leaf in pattern_leaves(pattern)
        for edge in (edge_leaves(leaf) if leaf.triple.is_path else (leaf,))
    )
    compared = _compared(pattern)
    found = (
        report
        for leaf in leaves
        for name in sources.candidates[leaf]
        if (conversion := sources.members[name].conversion) is not None
        for report in _reports(leaf, name, conversion, compared)
    )
    return tuple(found)


def _compared(pattern: Pattern) -> AbstractSet[Variable]:
    """Give the variables whose terms decide over solutions, or over their number.

    A variable that does nothing but show what stands at one pattern loses no solution to codes that
    nobody knows: they are there, as the member has them.
    """
    found: set[Variable] = set()
    uses: Counter[Variable] = Counter()
    for node in walk(pattern):
        match node:
            case BGP(triples):
                uses.update(name for each in triples for name in triple_variables(each))
            case Values(variables, _) | Group(_, variables, _):
                found.update(variables)
            case Graph(Variable() as name, _):
                found.add(name)
        for expression in pattern_expressions(node):
            found |= expression_variables(expression)
    return found | {name for name, times in uses.items() if times > 1}


def _reports(
    leaf: Leaf,
    member: str,
    conversion: MemberConversion,
    compared: AbstractSet[Variable],
) -> Iterable[ConversionReport]:
    predicate = leaf.triple.predicate
    if isinstance(predicate, Variable):
        # A pattern of any predicate matches under each of them.
        named = [replace(leaf.triple, predicate=IRI(iri)) for iri in conversion.predicates]
    else:
        named = [leaf.triple]
    for triple in named:
        for seen in conversion.seen(triple):
            if seen.translation is not None:
                shown = triple.object not in compared
                yield _report(triple, member, seen, seen.translation, conversion, shown=shown)


def _report(
    triple: TriplePattern,
    member: str,
    seen: ConvertedPredicate,
    translation: Translation,
    conversion: MemberConversion,
    *,
    shown: bool,
) -> ConversionReport:
    target = triple.object
    asked: tuple[str, ...] = ()
    found: dict[str, Conversion] = {}
    undecided = translation.unknown
    bound = Bound.EXACT
    open_end = shown and isinstance(target, Variable)
    if isinstance(triple, IncludedPattern):
        open_end = False
        asked = triple.asked
        expansions = [translation.expand(code) for code in asked]
        undecided = _undecided(expansions)
        for expansion in expansions:
            bound = bound.and_(Bound.UPPER if expansion.is_broader else Bound.EXACT)
            found.update((each.source, each) for each in expansion.found)
    elif not isinstance(target, Variable):
        code = conversion.translator.code(target)
        asked = (code or target.text,)
        undecided = () if code is None else _undecided([translation.expand(code)])
        # What is seen as another code is not seen as this one.
        undecided = tuple(each for each in undecided if each in translation.unmapped)
    left_out = undecided or translation.foreign or translation.asked is not None
    if left_out and not open_end:
        bound = bound.and_(Bound.LOWER)
    return ConversionReport(
        member,
        triple.predicate.value if isinstance(triple.predicate, IRI) else "",
        seen.native.value,
        asked,
        isinstance(triple, IncludedPattern),
        target.name if isinstance(target, Variable) else None,
        bound,
        translation.codes,
        len(translation.unmapped),
        translation.unknown,
        undecided,
        translation.foreign,
        translation.uncoded,
        translation.asked,
        conversion.translator.hub,
        conversion.pairs_of(triple, translation),
        found,
    )


def _undecided(expansions: Sequence[Expansion]) -> tuple[str, ...]:
    """Give the codes that may be what all expansions are of, but are not said to be."""
    may = set.intersection(*({*each.codes, *each.undecided} for each in expansions))
    are = set.intersection(*({*each.codes} for each in expansions))
    return tuple(sorted(may - are))
