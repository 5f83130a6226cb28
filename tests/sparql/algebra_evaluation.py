"""The definitions of SPARQL 1.1, section 18, written down as slowly and plainly as they stand.

An independent reading of what algebra means, for holding texts against: patterns are
evaluated here, row by row; scalar expressions, property paths, orders and aggregates are left
to Oxigraph, one expression at a time. Solutions are dicts from variable to canonical text.

EXISTS substitutes the solution at hand into its pattern, as section 18.6 says.
"""

from functools import lru_cache

import pyoxigraph

from hereditary_kg.rdf.terms import Literal, parse_term
from hereditary_kg.sparql.algebra import (
    BGP,
    Call,
    Distinct,
    Exists,
    Extend,
    Filter,
    FunctionCall,
    Group,
    Join,
    LeftJoin,
    Minus,
    OrderBy,
    Project,
    Reduced,
    Slice,
    TriplePattern,
    Union,
    Values,
    Variable,
)
from hereditary_kg.sparql.printing import expression_text, triple_text
from hereditary_kg.sparql.variables import expression_variables

TRUE = '"true"^^<http://www.w3.org/2001/XMLSchema#boolean>'
FALSE = '"false"^^<http://www.w3.org/2001/XMLSchema#boolean>'


def store_of(triples):
    """Load triples of canonical texts into an Oxigraph store."""
    store = pyoxigraph.Store()
    data = "\n".join(" ".join(triple) + " ." for triple in sorted(triples))
    store.load(data.encode(), format=pyoxigraph.RdfFormat.N_TRIPLES)
    return store


def rows_of(store, text):
    """Evaluate a SELECT: dicts from variable to canonical text, unbound ones left out."""
    solutions = store.query(text)
    names = [variable.value for variable in solutions.variables]
    return [{Variable(n): str(row[n]) for n in names if row[n] is not None} for row in solutions]


def multiset(rows, variables=None):
    """Bring rows to one comparable form; only ``variables`` count where they are given."""
    return sorted(
        sorted((v.name, t) for v, t in row.items() if variables is None or v in variables)
        for row in rows
    )


_EMPTY = pyoxigraph.Store()


@lru_cache(maxsize=20_000)
def _scalar(expression_source, cells):
    data = " ".join(f"VALUES ?{name} {{ {text} }}" for name, text in cells)
    found = rows_of(_EMPTY, f"SELECT ?result {{ {data} BIND({expression_source} AS ?result) }}")
    return found[0].get(Variable("result"))


class Evaluation:
    """Evaluates patterns over one data set."""

    def __init__(self, triples):
        self.triples = [tuple(triple) for triple in sorted(triples)]
        self.store = store_of(triples)

    def solutions(self, pattern, outer=None):
        """Give the solutions of ``pattern``; ``outer`` is what EXISTS substitutes."""
        outer = outer or {}
        match pattern:
            case BGP(triples):
                return self._bgp(triples, outer)
            case Values(variables, rows):
                found = [
                    {v: t.text for v, t in zip(variables, row, strict=True) if t is not None}
                    for row in rows
                ]
                return [row for row in found if _compatible(row, outer)]
            case Join((first, *others)):
                rows = self.solutions(first, outer)
                for part in others:
                    rows = _joined(rows, self.solutions(part, outer))
                return rows
            case LeftJoin(left, right, condition):
                return self._left_join(left, right, condition, outer)
            case Union(branches):
                return [row for branch in branches for row in self.solutions(branch, outer)]
            case Filter(condition, inner):
                return [
                    row
                    for row in self.solutions(inner, outer)
                    if self._holds(condition, row, outer)
                ]
            case Extend(inner, variable, expression):
                return [
                    _extended(row, variable, self.value(expression, row, outer))
                    for row in self.solutions(inner, outer)
                ]
            case Minus(left, right):
                excluding = self.solutions(right, outer)
                return [
                    row
                    for row in self.solutions(left, outer)
                    if not any(row.keys() & e.keys() and _compatible(row, e) for e in excluding)
                ]
            case Group(inner, keys, aggregates):
                return self._grouped(self.solutions(inner, outer), keys, aggregates)
            case Project(inner, variables):
                return [
                    {v: t for v, t in row.items() if v in variables}
                    for row in self.solutions(inner, outer)
                ]
            case Distinct(inner):
                rows = self.solutions(inner, outer)
                return [row for i, row in enumerate(rows) if row not in rows[:i]]
            case Reduced(inner):
                return self.solutions(inner, outer)
            case OrderBy(inner, keys):
                return self._ordered(self.solutions(inner, outer), keys)
            case Slice(inner, offset, limit):
                rows = self.solutions(inner, outer)[offset:]
                return rows if limit is None else rows[:limit]
        raise AssertionError(f"no rule for {type(pattern).__name__}")

    def _bgp(self, triples, outer):
        rows = [{}]
        for triple in triples:
            rows = _joined(rows, self._matches(_substituted(triple, outer)))
        return rows

    def _matches(self, triple):
        if isinstance(triple.predicate, Literal):
            return []
        if triple.is_path:
            return rows_of(self.store, f"SELECT * {{ {triple_text(triple)} }}")
        ends = (triple.subject, triple.predicate, triple.object)
        found = []
        for data in self.triples:
            row = {}
            for end, text in zip(ends, data, strict=True):
                known = row.setdefault(end, text) if isinstance(end, Variable) else end.text
                if known != text:
                    break
            else:
                found.append(row)
        return found

    def _left_join(self, left, right, condition, outer):
        added = self.solutions(right, outer)
        found = []
        for row in self.solutions(left, outer):
            merged = [
                row | other
                for other in added
                if _compatible(row, other)
                and (condition is None or self._holds(condition, row | other, outer))
            ]
            found.extend(merged or [row])
        return found

    def _holds(self, condition, row, outer):
        return (
            self._asked(f"IF({self._source(condition, row, outer)}, true, false)", row, outer)
            == TRUE
        )

    def value(self, expression, row, outer):
        """Evaluate an expression for one row; None is an error."""
        return self._asked(self._source(expression, row, outer), row, outer)

    def _asked(self, source, row, outer):
        cells = tuple(sorted((v.name, text) for v, text in (outer | row).items()))
        return _scalar(source, cells)

    def _source(self, expression, row, outer):
        return expression_text(self._decided(expression, row, outer))

    def _decided(self, expression, row, outer):
        """Put the answer of each EXISTS in its place."""
        match expression:
            case Exists(pattern, negated):
                found = bool(self.solutions(pattern, outer | row))
                return parse_term(TRUE if found != negated else FALSE)
            case Call(name, arguments):
                return Call(name, tuple(self._decided(a, row, outer) for a in arguments))
            case FunctionCall(function, arguments, distinct):
                decided = tuple(self._decided(a, row, outer) for a in arguments)
                return FunctionCall(function, decided, distinct)
        return expression

    def _grouped(self, rows, keys, aggregates):
        groups = {}
        for row in rows:
            key = tuple(row.get(variable) for variable in keys)
            groups.setdefault(key, []).append(row)
        if not keys and not groups:
            groups[()] = []
        found = []
        for key, members in groups.items():
            solution = {v: t for v, t in zip(keys, key, strict=True) if t is not None}
            for variable, aggregate in aggregates:
                solution = _extended(solution, variable, self._aggregated(aggregate, members))
            found.append(solution)
        return found

    def _aggregated(self, aggregate, members):
        source = expression_text(aggregate)
        read = sorted(expression_variables(aggregate)) if aggregate.argument else []
        if aggregate.argument is None:
            # Oxigraph counts rows of exactly these variables; a row number keeps them apart.
            seen = {tuple(sorted((v.name, t) for v, t in row.items())) for row in members}
            number = len(seen) if aggregate.distinct else len(members)
            return f'"{number}"^^<http://www.w3.org/2001/XMLSchema#integer>'
        data = " ".join(
            "(" + " ".join(member.get(v, "UNDEF") for v in read) + ")" for member in members
        )
        names = " ".join(f"?{v.name}" for v in read)
        text = f"SELECT ({source} AS ?result) {{ VALUES ({names}) {{ {data} }} }}"
        return rows_of(_EMPTY, text)[0].get(Variable("result"))

    def _ordered(self, rows, keys):
        if not rows:
            return rows
        columns = range(len(keys))
        data = " ".join(
            "("
            + " ".join([str(i), *(self.value(k.expression, row, {}) or "UNDEF" for k in keys)])
            + ")"
            for i, row in enumerate(rows)
        )
        names = " ".join(["?row", *(f"?key{c}" for c in columns)])
        order = " ".join(f"{'DESC' if keys[c].descending else 'ASC'}(?key{c})" for c in columns)
        text = f"SELECT ?row {{ VALUES ({names}) {{ {data} }} }} ORDER BY {order} ?row"
        numbers = [int(parse_term(row[Variable("row")]).lexical) for row in rows_of(_EMPTY, text)]
        return [rows[number] for number in numbers]


def _compatible(row, other):
    return all(other.get(variable, text) == text for variable, text in row.items())


def _joined(rows, others):
    return [row | other for row in rows for other in others if _compatible(row, other)]


def _extended(row, variable, text):
    return row if text is None else row | {variable: text}


def _substituted(triple, outer):
    def shown(end):
        return parse_term(outer[end]) if isinstance(end, Variable) and end in outer else end

    return TriplePattern(shown(triple.subject), shown(triple.predicate), shown(triple.object))
