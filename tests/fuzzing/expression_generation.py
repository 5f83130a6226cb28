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
from tests.fuzzing.choosing import Draw, one_in, pick
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
    if one_in(draw, 12):
        kind = pick(draw, "bnsidt")
    if depth == 0:
        return _leaf(draw, reading, kind)

    def inner(wanted: str) -> Expression:
        return draw(expressions(reading, wanted, depth - 1))

    if kind == "b":
        return _condition(draw, reading, inner)
    choice = pick(draw, range(10))
    if choice < 3:
        return _leaf(draw, reading, kind)
    if choice == 3:
        return Call("IF", (inner("b"), inner(kind), inner(kind)))
    if choice == 4:
        return Call("COALESCE", tuple(inner(kind) for _ in range(1 + pick(draw, range(3)))))
    if choice == 5 and kind in _CASTS:
        return FunctionCall(IRI(XSD + pick(draw, _CASTS[kind])), (inner("t"),))
    if kind == "t":
        return inner(pick(draw, "bnsid"))
    if kind == "s" and choice == 6:
        return _special(inner("s"), draw)
    name, takes = pick(draw, _FUNCTIONS[kind])
    return Call(name, tuple(map(inner, takes)))


def _special(text: Expression, draw: Draw) -> Expression:
    """Draw a call that takes something special beside a text."""
    match pick(draw, ("REPLACE", "REPLACE flags", "STRLANG", "STRDT")):
        case "REPLACE":
            return Call("REPLACE", (text, pick(draw, _PATTERNS), Literal("z$0")))
        case "REPLACE flags":
            pattern = pick(draw, _PATTERNS[:4])
            return Call("REPLACE", (text, pattern, Literal("-"), Literal("i")))
        case "STRLANG":
            return Call("STRLANG", (text, pick(draw, _TAGS)))
        case _:
            return Call("STRDT", (text, pick(draw, _DATATYPES)))


def _condition(draw: Draw, reading: Reading, inner: Callable[[str], Expression]) -> Expression:
    """Draw what is meant to be true or false."""
    kinds = ["compare"] * 4 + ["bound", "bound", "not", "and", "or", "in", "function", "function"]
    kinds += ["regex", "range", "if", "coalesce", "cast", "unstable", "leaf"]
    if reading.exists is not None:
        kinds += ["exists"] * 3
    match pick(draw, kinds):
        case "compare":
            sign = pick(draw, ("=", "!=", "<", ">", "<=", ">="))
            wanted = pick(draw, "tnsd")
            return Call(sign, (inner(wanted), inner(wanted)))
        case "bound":
            return Call("BOUND", (_variable(draw, reading),))
        case "not":
            return Call("!", (inner("b"),))
        case "and":
            return conjunction((inner("b"), inner("b")))
        case "or":
            return Call("||", (inner("b"), inner("b")))
        case "in":
            wanted = pick(draw, "tn")
            listed = tuple(inner(wanted) for _ in range(pick(draw, range(3))))
            return Call(pick(draw, ("IN", "NOT IN")), (inner(wanted), *listed))
        case "function":
            name, takes = pick(draw, _FUNCTIONS["b"])
            return Call(name, tuple(map(inner, takes)))
        case "regex":
            flags = pick(draw, ((), (Literal("i"),)))
            return Call("REGEX", (inner("s"), pick(draw, _PATTERNS), *flags))
        case "range":
            return Call("LANGMATCHES", (inner("s"), pick(draw, _RANGES)))
        case "if":
            return Call("IF", (inner("b"), inner("b"), inner("b")))
        case "coalesce":
            return Call("COALESCE", (inner("b"), inner("b")))
        case "cast":
            return FunctionCall(IRI(XSD + "boolean"), (inner("t"),))
        case "unstable":
            names = ("RAND", "UUID", "STRUUID", "NOW", "BNODE")
            return _never_differs(pick(draw, names))
        case "exists":
            return Exists(draw(reading.exists()), one_in(draw, 2))
        case _:
            return _leaf(draw, reading, "b")


def _variable(draw: Draw, reading: Reading) -> Variable:
    """Draw a variable, mostly one in scope."""
    return pick(draw, (*reading.known, *reading.known, *reading.known, *VARIABLES))


def _leaf(draw: Draw, reading: Reading, kind: str) -> Expression:
    if not one_in(draw, 3):
        return _variable(draw, reading)
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
    return pick(draw, constants)
