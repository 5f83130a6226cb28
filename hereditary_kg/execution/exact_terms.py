"""Terms that Oxigraph keeps by their value, taken through it as they are.

Oxigraph gives ``"01"^^xsd:integer`` back as ``1`` and any ``xsd:int`` as an ``xsd:integer``.
Members hold terms, though, and joins, DISTINCT, STR, DATATYPE and sameTerm tell terms apart.
A term that Oxigraph would change is therefore *wrapped* before it goes there: its lexical form
stays, and its datatype becomes one of ours that has the real one in its name. Expressions that
compute with the value unwrap it where they read it; what comes back is unwrapped. A term is
always wrapped or never, so that wrapped terms are the same exactly where the terms are.

Source: RDF 1.1 Concepts, section 3.3 (literal term equality); SPARQL 1.1 Query Language,
section 17.4.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

import polars as pl

from hereditary_kg.rdf.terms import XSD, Literal
from hereditary_kg.rdf.tsv_reading import parse_tsv
from hereditary_kg.sparql.algebra import (
    BGP,
    Aggregate,
    Call,
    Exists,
    Expression,
    Extend,
    Filter,
    FunctionCall,
    Group,
    LeftJoin,
    OrderBy,
    Pattern,
    TriplePattern,
    Values,
    Variable,
    children,
    with_children,
)

__all__ = [
    "unwrap_terms",
    "wrap_pattern",
    "wrap_rows",
    "wrap_term",
    "wrap_terms",
]

Part = TypeVar("Part")

_BLOCK = 32_768

_WRAPPED = "urn:hkg:exact:"

_SUSPECT = rf'"\^\^<{XSD}[A-Za-z]+>$'
# Forms that Oxigraph surely keeps; of every other one it is asked.
_FORMS = {
    "integer": "(?:0|-?[1-9][0-9]{0,17})",
    "decimal": r"(?:0|-?[1-9][0-9]{0,14}|-?(?:0|[1-9][0-9]{0,14})\.[0-9]{0,14}[1-9])",
    "boolean": "(?:true|false)",
    "date": "[1-9][0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])",
    "dateTime": "[1-9][0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"T(?:[01][0-9]|2[0-3])(?::[0-5][0-9]){2}Z?",
}
_KEPT = "|".join(rf'^"{form}"\^\^<{XSD}{name}>$' for name, form in _FORMS.items())


# Columns


def wrap_terms(frame: pl.DataFrame) -> pl.DataFrame:
    """Wrap every cell that Oxigraph would change; the very same frame where there is none."""
    wrapped = {name: _wrap_column(frame[name]) for name in _text_columns(frame)}
    changed = [column for column in wrapped.values() if column is not None]
    return frame.with_columns(changed) if changed else frame


def _text_columns(frame: pl.DataFrame) -> list[str]:
    return [name for name, kind in frame.schema.items() if kind == pl.String]


def _wrap_column(column: pl.Series) -> pl.Series | None:
    """Give the column with its wrapped cells; None where no cell is to be wrapped."""
    suspects = column.filter(column.str.contains(_SUSPECT)).unique()
    suspects = suspects.filter(~suspects.str.contains(_KEPT))
    altered = _altered(suspects)
    if altered.is_empty():
        return None
    wrapped = column.str.replace(r'"\^\^<([^<>"]*)>$', f'"^^<{_WRAPPED}$1>')
    return wrapped.zip_with(column.is_in(altered.implode()), column)


def _altered(texts: pl.Series) -> pl.Series:
    """Give those of these canonical texts that Oxigraph gives back as other terms."""
    found = [texts.clear()]
    for offset in range(0, len(texts), _BLOCK):
        block = texts.slice(offset, _BLOCK)
        found.append(block.filter(_kept(block) != block))
    return pl.concat(found)


def _kept(texts: pl.Series) -> pl.Series:
    """Give what Oxigraph gives back, in the same order."""
    import pyoxigraph  # noqa: PLC0415 - start-up is part of the product

    rows = "".join(f"({number} {text})" for number, text in enumerate(texts))
    results = pyoxigraph.Store().query(f"SELECT ?n ?t WHERE {{ VALUES (?n ?t) {{ {rows} }} }}")
    if not isinstance(results, pyoxigraph.QuerySolutions):
        raise TypeError("a SELECT gives solutions")
    kept = parse_tsv(results.serialize(format=pyoxigraph.QueryResultsFormat.TSV) or b"")
    number = pl.col("n").str.extract('"([0-9]+)"').cast(pl.UInt32)
    return kept.sort(number)["t"]


def unwrap_terms(frame: pl.DataFrame) -> pl.DataFrame:
    """Undo :func:`wrap_terms`."""
    names = [
        name
        for name in _text_columns(frame)
        if frame[name].str.contains(f'"^^<{_WRAPPED}', literal=True).any()
    ]
    wrapped = rf'"\^\^<{_WRAPPED}([^<>"]*)>$'
    return frame.with_columns(pl.col(name).str.replace(wrapped, '"^^<$1>') for name in names)


# Expressions


def wrap_rows(
    rows: pl.DataFrame, expressions: Iterable[Expression], *, term: bool = False
) -> tuple[pl.DataFrame, list[Expression]]:
    """Wrap the cells of rows, and rewrite the expressions that are evaluated over them.

    Args:
        rows: what the expressions read.
        expressions: the expressions.
        term: whether the results themselves are wanted, and not just what follows from them.
    """
    wrapped = wrap_terms(rows)
    given = list(expressions)
    rewritten = [_rewrite(each, term=term, unwrap=False) for each in given]
    if wrapped is rows and rewritten == given:
        return rows, given
    return wrapped, [_rewrite(each, term=term, unwrap=True) for each in given]


# What these give depends on the term, and not on its value.
_OF_TERMS = frozenset(
    ("BOUND", "SAMETERM", "STR", "LANG", "ISIRI", "ISURI", "ISBLANK", "ISLITERAL")
)


def _rewrite(expression: Expression, *, term: bool, unwrap: bool) -> Expression:
    """Rewrite an expression for wrapped terms.

    Args:
        expression: the expression.
        term: whether its result is wanted as it is, wrapped, or else its value.
        unwrap: whether variables may have wrapped terms.
    """

    def each(arguments: Iterable[Expression], *, term: bool) -> tuple[Expression, ...]:
        return tuple(_rewrite(argument, term=term, unwrap=unwrap) for argument in arguments)

    match expression:
        case Variable():
            return _unwrapped(expression) if unwrap and not term else expression
        case Literal():
            return _wrap_literal(expression) if term else expression
        case Call("IF", (condition, *results)):
            return Call("IF", (*each((condition,), term=False), *each(results, term=term)))
        case Call("COALESCE", arguments):
            return Call("COALESCE", each(arguments, term=term))
        case Call("DATATYPE", arguments):
            datatype = Call("DATATYPE", each(arguments, term=True))
            return _real_datatype(datatype) if unwrap else datatype
        case Call(name, arguments):
            return Call(name, each(arguments, term=name in _OF_TERMS))
        case FunctionCall(_, arguments):
            return replace(expression, arguments=each(arguments, term=False))
        case Exists(pattern):
            return replace(expression, pattern=_wrap(pattern, unwrap=unwrap))
        case Aggregate():
            return _rewrite_aggregate(expression, unwrap=unwrap)
        case _:
            return expression


def _unwrapped(variable: Variable) -> Expression:
    """Write the term whose wrapping a variable may have, which Oxigraph then takes by value."""
    datatype = Call("STR", (Call("DATATYPE", (variable,)),))
    start = Literal(str(len(_WRAPPED) + 1), XSD + "integer")
    real = Call("IRI", (Call("SUBSTR", (datatype, start)),))
    literal = Call("STRDT", (Call("STR", (variable,)), real))
    wrapped = Call("STRSTARTS", (datatype, Literal(_WRAPPED)))
    # What is no literal has no datatype.
    return Call("COALESCE", (Call("IF", (wrapped, literal, variable)), variable))


def _real_datatype(datatype: Expression) -> Expression:
    text = Call("STR", (datatype,))
    return Call("IRI", (Call("REPLACE", (text, Literal(f"^{_WRAPPED}"), Literal(""))),))


def _rewrite_aggregate(aggregate: Aggregate, *, unwrap: bool) -> Aggregate:
    if aggregate.argument is None:
        return aggregate
    term = aggregate.name == "COUNT"
    return replace(aggregate, argument=_rewrite(aggregate.argument, term=term, unwrap=unwrap))


@lru_cache(maxsize=4096)
def _wrap_literal(literal: Literal) -> Literal:
    if not literal.datatype.startswith(XSD) or _altered(pl.Series([literal.text])).is_empty():
        return literal
    return Literal(literal.lexical, _WRAPPED + literal.datatype)


# Patterns


def wrap_pattern(pattern: Pattern) -> Pattern:
    """Rewrite a pattern for a store whose terms are wrapped.

    An aggregate inside the pattern gives the form that Oxigraph has for the value.
    """
    return _wrap(pattern, unwrap=True)


def _wrap(pattern: Pattern, *, unwrap: bool) -> Pattern:
    pattern = with_children(pattern, tuple(_wrap(c, unwrap=unwrap) for c in children(pattern)))

    def value(expression: Expression) -> Expression:
        return _rewrite(expression, term=False, unwrap=unwrap)

    match pattern:
        case BGP(triples):
            return BGP(tuple(map(_wrap_triple, triples)))
        case Values(variables, rows):
            return Values(variables, tuple(tuple(map(wrap_term, row)) for row in rows))
        case Filter(condition):
            return replace(pattern, condition=value(condition))
        case LeftJoin(_, _, condition) if condition is not None:
            return replace(pattern, condition=value(condition))
        case Extend(_, _, expression):
            return replace(pattern, expression=_rewrite(expression, term=True, unwrap=unwrap))
        case OrderBy(_, keys):
            return replace(
                pattern, keys=tuple(replace(k, expression=value(k.expression)) for k in keys)
            )
        case Group(_, _, aggregates):
            named = ((v, _rewrite_aggregate(each, unwrap=unwrap)) for v, each in aggregates)
            return replace(pattern, aggregates=tuple(named))
        case _:
            return pattern


def _wrap_triple(triple: TriplePattern) -> TriplePattern:
    return replace(triple, subject=wrap_term(triple.subject), object=wrap_term(triple.object))


def wrap_term(term: Part) -> Part | Literal:
    """Wrap a term of a pattern that Oxigraph would change; whatever else it is stays."""
    return _wrap_literal(term) if isinstance(term, Literal) else term
