"""Families of XML Schema datatypes.

Source: W3C XML Schema Definition Language 1.1, part 2, section 3.
"""

from hereditary_kg.rdf.terms import XSD

__all__ = ["EXACT_NUMBERS", "FLOATS", "INTEGERS", "NUMBERS"]

INTEGERS = frozenset(
    XSD + name
    for name in (
        "integer",
        "long",
        "int",
        "short",
        "byte",
        "nonNegativeInteger",
        "positiveInteger",
        "nonPositiveInteger",
        "negativeInteger",
        "unsignedLong",
        "unsignedInt",
        "unsignedShort",
        "unsignedByte",
    )
)
"""xsd:integer and what is derived from it."""

EXACT_NUMBERS = INTEGERS | {XSD + "decimal"}
"""Numbers whose sum does not depend on the order of adding."""

FLOATS = frozenset((XSD + "double", XSD + "float"))
"""Numbers of limited precision."""

NUMBERS = EXACT_NUMBERS | FLOATS
"""All that SPARQL compares and adds as numbers."""
