"""A Hypothesis strategy for expressions over the whole function library.

Arguments are mostly of the kind that a function takes, so that few calls are errors, and now
and then of any kind, so that some are. What may differ from one evaluation to the next (RAND,
UUID, STRUUID, NOW, BNODE) stands inside something that never differs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from hereditary_kg.rdf.terms import IRI, XSD, Literal
from hereditary_kg.sparql.algebra import (
    TRUE,
    Call,
    Exists,
    Expression,
    FunctionCall,
    Variable,
    conjunction,
)
from tests.fuzzing.vocabulary import NAMESPACE, VARIABLES, Vocabulary

__all__ = ["Reading", "expressions"]

# What an expression is, or is meant to be: b(oolean), n(umber), s(tring), i(ri), d(ate and time),
# t(erm of any kind).
_FUNCTIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "b": (
        ("ISIRI", "t"),
        ("ISURI", "t"),
        ("ISBLANK", "t"),
        ("ISLITERAL", "t"),
        ("ISNUMERIC", "t"),
        ("SAMETERM", "tt"),
        ("CONTAINS", "ss"),
        ("STRSTARTS", "ss"),
        ("STRENDS", "ss"),
    ),
    "n": (
        ("+", "nn"),
        ("-", "nn"),
        ("*", "nn"),
        ("/", "nn"),
        ("-", "n"),
        ("+", "n"),
        ("ABS", "n"),
        ("CEIL", "n"),
        ("FLOOR", "n"),
        ("ROUND", "n"),
        ("STRLEN", "s"),
        ("YEAR", "d"),
        ("MONTH", "d"),
        ("DAY", "d"),
        ("HOURS", "d"),
        ("MINUTES", "d"),
        ("SECONDS", "d"),
    ),
    "s": (
        ("STR", "t"),
        ("LANG", "t"),
        ("UCASE", "s"),
        ("LCASE", "s"),
        ("CONCAT", "ss"),
        ("CONCAT", "sss"),
        ("SUBSTR", "sn"),
        ("SUBSTR", "snn"),
        ("STRBEFORE", "ss"),
        ("STRAFTER", "ss"),
        ("ENCODE_FOR_URI", "s"),
        ("MD5", "s"),
        ("SHA1", "s"),
        ("SHA256", "s"),
        ("SHA384", "s"),
        ("SHA512", "s"),
        ("TZ", "d"),
    ),
    "i": (("DATATYPE", "t"), ("IRI", "s"), ("URI", "i")),
    "d": (("TIMEZONE", "d"), ("+", "dd"), ("-", "dd")),
}
_CASTS = {
    "b": ("boolean",),
    "n": ("integer", "decimal", "double", "float"),
    "s": ("string",),
    "d": ("dateTime", "date", "time", "dayTimeDuration", "yearMonthDuration", "duration"),
}
_PATTERNS = tuple(map(Literal, ("x", "^h", "[a-c]$", ".", "A", "o(r?)g")))
_RANGES = tuple(map(Literal, ("*", "en", "EN", "en-GB", "")))
_TAGS = tuple(map(Literal, ("en", "de", "fr-CA")))
_DATATYPES = (
    *(IRI(XSD + name) for name in ("integer", "string", "decimal", "boolean", "date")),
    IRI(NAMESPACE + "datatype"),
)
_NUMBERS = tuple(
    Literal(text, XSD + name)
    for text, name in (("0", "integer"), ("1", "integer"), ("2", "integer"), ("0.5", "decimal"))
)
_TEXTS = tuple(map(Literal, ("x", "", "1", "a", "/")))
_DATES = (
    Literal("2020-01-01T00:00:00Z", XSD + "dateTime"),
    Literal("2020-06-01", XSD + "date"),
    Literal("P1D", XSD + "dayTimeDuration"),
)


@dataclass(frozen=True)
class Reading:
    """What an expression can be made of.

    Attributes:
        vocabulary: the case's terms.
        known: the variables in scope.
        exists: gives a strategy for the pattern of an EXISTS; None where none may stand.
    """

    vocabulary: Vocabulary
    known: tuple[Variable, ...]
    exists: Callable[[], Any] | None = None


def _never_differs(name: str) -> Expression:
    made = Call(name, ())
    match name:
        case "RAND":
            return Call("<", (made, Literal("2", XSD + "integer")))
        case "BNODE":
            return Call("ISBLANK", (made,))
        case "NOW":
            return Call("=", (made, made))
        case "UUID":
            return Call("ISIRI", (made,))
        case _:
            return Call("=", (Call("STRLEN", (made,)), Literal("36", XSD + "integer")))


@st.composite
def expressions(draw, reading: Reading, kind: str = "b", depth: int = 2) -> Expression:
    """Draw an expression that is meant to have values of ``kind``."""
    if draw(st.integers(0, 11)) == 11:
        kind = draw(st.sampled_from("bnsidt"))
    if depth == 0:
        return draw(_leaves(reading, kind))

    def inner(wanted: str) -> Expression:
        return draw(expressions(reading, wanted, depth - 1))

    if kind == "b":
        return draw(_conditions(reading, depth))
    choice = draw(st.integers(0, 9))
    if choice < 3:
        return draw(_leaves(reading, kind))
    if choice == 3:
        return Call("IF", (inner("b"), inner(kind), inner(kind)))
    if choice == 4:
        return Call("COALESCE", tuple(inner(kind) for _ in range(draw(st.integers(1, 3)))))
    if choice == 5 and kind in _CASTS:
        return FunctionCall(IRI(XSD + draw(st.sampled_from(_CASTS[kind]))), (inner("t"),))
    if kind == "t":
        return inner(draw(st.sampled_from("bnsid")))
    if kind == "s" and choice == 6:
        return draw(_texts(reading, depth))
    name, takes = draw(st.sampled_from(_FUNCTIONS[kind]))
    return Call(name, tuple(map(inner, takes)))


@st.composite
def _texts(draw, reading: Reading, depth: int) -> Expression:
    """Draw a call that takes something special beside a text."""
    text = draw(expressions(reading, "s", depth - 1))
    match draw(st.sampled_from(("REPLACE", "REPLACE flags", "STRLANG", "STRDT"))):
        case "REPLACE":
            return Call("REPLACE", (text, draw(st.sampled_from(_PATTERNS)), Literal("z$0")))
        case "REPLACE flags":
            pattern = draw(st.sampled_from(_PATTERNS[:4]))
            return Call("REPLACE", (text, pattern, Literal("-"), Literal("i")))
        case "STRLANG":
            return Call("STRLANG", (text, draw(st.sampled_from(_TAGS))))
        case _:
            return Call("STRDT", (text, draw(st.sampled_from(_DATATYPES))))


@st.composite
def _conditions(draw, reading: Reading, depth: int) -> Expression:
    def inner(wanted: str) -> Expression:
        return draw(expressions(reading, wanted, depth - 1))

    kinds = ["compare"] * 4 + ["bound", "bound", "not", "and", "or", "in", "function", "function"]
    kinds += ["regex", "range", "if", "coalesce", "cast", "unstable", "leaf"]
    if reading.exists is not None:
        kinds += ["exists"] * 3
    match draw(st.sampled_from(kinds)):
        case "compare":
            sign = draw(st.sampled_from(("=", "!=", "<", ">", "<=", ">=")))
            wanted = draw(st.sampled_from("tnsd"))
            return Call(sign, (inner(wanted), inner(wanted)))
        case "bound":
            return Call("BOUND", (draw(_variables(reading)),))
        case "not":
            return Call("!", (inner("b"),))
        case "and":
            return conjunction((inner("b"), inner("b")))
        case "or":
            return Call("||", (inner("b"), inner("b")))
        case "in":
            wanted = draw(st.sampled_from("tn"))
            listed = tuple(inner(wanted) for _ in range(draw(st.integers(0, 2))))
            return Call(draw(st.sampled_from(("IN", "NOT IN"))), (inner(wanted), *listed))
        case "function":
            name, takes = draw(st.sampled_from(_FUNCTIONS["b"]))
            return Call(name, tuple(map(inner, takes)))
        case "regex":
            flags = draw(st.sampled_from(((), (Literal("i"),))))
            return Call("REGEX", (inner("s"), draw(st.sampled_from(_PATTERNS)), *flags))
        case "range":
            return Call("LANGMATCHES", (inner("s"), draw(st.sampled_from(_RANGES))))
        case "if":
            return Call("IF", (inner("b"), inner("b"), inner("b")))
        case "coalesce":
            return Call("COALESCE", (inner("b"), inner("b")))
        case "cast":
            return FunctionCall(IRI(XSD + "boolean"), (inner("t"),))
        case "unstable":
            names = ("RAND", "UUID", "STRUUID", "NOW", "BNODE")
            return _never_differs(draw(st.sampled_from(names)))
        case "exists":
            return Exists(draw(reading.exists()), draw(st.booleans()))
        case _:
            return draw(_leaves(reading, "b"))


def _variables(reading: Reading):
    """Draw a variable, mostly one in scope."""
    return st.sampled_from((*reading.known, *reading.known, *VARIABLES))


def _leaves(reading: Reading, kind: str):
    match kind:
        case "b":
            constants = (TRUE, Literal("false", XSD + "boolean"))
        case "n":
            constants = _NUMBERS
        case "s":
            constants = _TEXTS
        case "i":
            constants = reading.vocabulary.resources
        case "d":
            constants = _DATES
        case _:
            constants = (*reading.vocabulary.constants, *reading.vocabulary.resources)
    return st.one_of(_variables(reading), _variables(reading), st.sampled_from(constants))
