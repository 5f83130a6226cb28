"""The terms that fuzzed data and queries are made of.

The pools are narrow, and each case takes only a few terms out of them, so that patterns
match, variables meet and rows repeat. Queries name literals as Oxigraph prints them: it
brings numbers to a normal form when it loads them, in data and in queries alike, so that a
constant in another form than the data's would be a difference of Oxigraph's own.
"""

from dataclasses import dataclass
from functools import cache

import pyoxigraph as ox
from hypothesis import strategies as st

from hereditary_kg.rdf.terms import IRI, RDF_TYPE, XSD, Literal, parse_term
from hereditary_kg.sparql.algebra import Variable
from tests.fuzzing.choosing import few, one_in, pick

__all__ = [
    "BOUND_BY_QUERY",
    "GRAPHS",
    "MEMBERS",
    "VARIABLES",
    "Vocabulary",
    "local_resource",
    "normal_form",
    "vocabularies",
]

NAMESPACE = "http://example.org/"
MEMBERS = 4
"""No federation has more members than this."""

RESOURCES = tuple(IRI(NAMESPACE + name) for name in "abcde")
CLASSES = tuple(IRI(NAMESPACE + name) for name in ("C", "D"))
PREDICATES = (*(IRI(NAMESPACE + name) for name in ("p", "q", "r")), IRI(RDF_TYPE))
GRAPHS = tuple(IRI(f"{NAMESPACE}graph/{number}") for number in (1, 2, 3))
VARIABLES = tuple(Variable(name) for name in "stuv")
BOUND_BY_QUERY = tuple(Variable(name) for name in ("m", "n", "o"))


def local_resource(member: int, number: int) -> IRI:
    """Give an IRI that only ``member`` has triples of."""
    return IRI(f"http://site{member}.example/x{number}")


LOCAL = tuple(local_resource(member, number) for member in range(MEMBERS) for number in (1, 2))

LITERALS = (
    Literal("1", XSD + "integer"),
    Literal("x"),
    Literal("y", language="en"),
    Literal("2", XSD + "integer"),
    Literal("1.5", XSD + "decimal"),
    Literal("2.0", XSD + "decimal"),
    Literal("01", XSD + "integer"),
    Literal("-3", XSD + "integer"),
    Literal("1.5", XSD + "double"),
    Literal("1.0E0", XSD + "double"),
    Literal("2.5", XSD + "float"),
    Literal("INF", XSD + "double"),
    Literal("-INF", XSD + "double"),
    Literal("NaN", XSD + "double"),
    Literal("5", XSD + "byte"),
    Literal("true", XSD + "boolean"),
    Literal("false", XSD + "boolean"),
    Literal("1", XSD + "boolean"),
    Literal("1"),
    Literal(""),
    Literal("x", language="en"),
    Literal("x", language="en-gb"),
    Literal("x", language="de"),
    Literal("a b\u00e9\U0001f600"),
    Literal('q"\\\n\t\r'),
    Literal("http://example.org/a"),
    Literal("2020-01-01T00:00:00Z", XSD + "dateTime"),
    Literal("2020-01-01T02:00:00+02:00", XSD + "dateTime"),
    Literal("2020-06-01T12:30:15.5", XSD + "dateTime"),
    Literal("2020-01-01", XSD + "date"),
    Literal("2020-06-01Z", XSD + "date"),
    Literal("12:00:00", XSD + "time"),
    Literal("P1D", XSD + "dayTimeDuration"),
    Literal("PT24H", XSD + "dayTimeDuration"),
    Literal("P1Y", XSD + "yearMonthDuration"),
    Literal("P1Y2M3DT4H", XSD + "duration"),
    Literal("2020", XSD + "gYear"),
    Literal("x", NAMESPACE + "datatype"),
    Literal("1", NAMESPACE + "datatype"),
    Literal("abc", XSD + "integer"),
    Literal("maybe", XSD + "boolean"),
    Literal("2020-13-01", XSD + "date"),
    Literal("1.5", XSD + "integer"),
    Literal("", XSD + "double"),
)


@cache
def normal_form(literal: Literal) -> Literal:
    """Give a literal as Oxigraph keeps it."""
    (row,) = ox.Store().query(f"SELECT ?x {{ VALUES ?x {{ {literal.text} }} }}")
    normal = parse_term(str(row["x"]))
    assert isinstance(normal, Literal)
    return normal


@dataclass(frozen=True)
class Vocabulary:
    """What one case is about.

    Attributes:
        resources: shared and site-local IRIs.
        predicates: IRIs in the place of predicates.
        literals: literals as data hold them.
        graphs: names of graphs; empty where there are none.
        blank_nodes: whether the data have some.
    """

    resources: tuple[IRI, ...]
    predicates: tuple[IRI, ...]
    literals: tuple[Literal, ...]
    graphs: tuple[IRI, ...]
    blank_nodes: bool

    @property
    def constants(self) -> tuple[Literal, ...]:
        """The literals as queries name them."""
        return tuple(dict.fromkeys(map(normal_form, self.literals)))


@st.composite
def vocabularies(draw) -> Vocabulary:
    """Draw the few terms that a case is about."""
    resources = few(draw, RESOURCES, 1, 4)
    if one_in(draw, 2):
        resources += few(draw, LOCAL, 1, 3)
    predicates = few(draw, PREDICATES, pick(draw, (1, 2, 2)), 4)
    if IRI(RDF_TYPE) in predicates:
        resources += CLASSES
    literals = few(draw, LITERALS, 1, 5)
    graphs = few(draw, GRAPHS, 1, 3) if one_in(draw, 3) else ()
    return Vocabulary(resources, predicates, literals, graphs, one_in(draw, 3))
