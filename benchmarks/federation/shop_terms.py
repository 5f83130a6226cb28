"""Terms and namespaces of the shop benchmark, as N-Triples text."""

from datetime import date

__all__ = [
    "CATALOGUE",
    "COUNTRIES",
    "COUNTRY",
    "LANGUAGES",
    "PREFIXES",
    "RDFS",
    "RDF_TYPE",
    "SAME_AS",
    "SHOP",
    "date_time",
    "decimal",
    "iri",
    "statement",
    "text",
    "whole_number",
]

SHOP = "http://shop.example/vocabulary#"
CATALOGUE = "http://catalogue.example/"
COUNTRY = "http://countries.example/"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
RDF_TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
SAME_AS = "<http://www.w3.org/2002/07/owl#sameAs>"
XSD = "http://www.w3.org/2001/XMLSchema#"

PREFIXES = f"""PREFIX shop: <{SHOP}>
PREFIX country: <{COUNTRY}>
PREFIX owl: <http://www.w3.org/2002/07/owl#>
PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>
PREFIX rdfs: <{RDFS}>
PREFIX xsd: <{XSD}>
"""

COUNTRIES = ("AT", "CN", "DE", "ES", "FR", "GB", "JP", "KR", "RU", "US")
LANGUAGES = ("de", "en", "es", "fr", "ja")


def iri(*parts: str | int) -> str:
    """Write an IRI that is put together from parts."""
    return f"<{''.join(map(str, parts))}>"


def text(words: str, language: str = "") -> str:
    """Write a text without quotes and backslashes in it."""
    return f'"{words}"@{language}' if language else f'"{words}"'


def whole_number(value: int) -> str:
    """Write an xsd:integer."""
    return f'"{value}"^^<{XSD}integer>'


def decimal(hundredths: int) -> str:
    """Write an xsd:decimal in its canonical form, given in hundredths."""
    whole, rest = divmod(hundredths, 100)
    digits = f"{whole}.{rest:02}".rstrip("0").rstrip(".")
    return f'"{digits}"^^<{XSD}decimal>'


def date_time(day: date) -> str:
    """Write midnight of a day as a valid xsd:dateTime."""
    return f'"{day.isoformat()}T00:00:00Z"^^<{XSD}dateTime>'


def statement(subject: str, predicate: str, value: str) -> str:
    """Write a triple as a line."""
    return f"{subject} {predicate} {value} .\n"
