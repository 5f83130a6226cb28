"""The page that people see: the federation, a query box, and the answer as a table."""

from collections.abc import Mapping
from html import escape

from hereditary_kg.federation.description import FederationDescription
from hereditary_kg.planning.explanation import PLAN_STYLE
from hereditary_kg.web.page_parts import fill_page, hash_source, read_part

__all__ = ["PAGE_HEADERS", "write_page"]

_EXAMPLE = "SELECT ?thing ?class WHERE {\n  ?thing a ?class .\n}\nLIMIT 20"


def write_page(description: FederationDescription, query: str = _EXAMPLE) -> str:
    """Write the page.

    It is one document: nothing else is loaded, from here or elsewhere. Without scripts its
    form still sends the query.

    Args:
        description: the federation.
        query: what stands in the query box.
    """
    count = len(description.members)
    parts = {
        "title": escape(description.title or description.name),
        "count": "one member" if count == 1 else f"{count} members",
        "query": escape(query),
        "members": _write_list({m.name: m.title or m.name for m in description.members}),
        "prefixes": _write_list({f"{name}:": iri for name, iri in description.prefixes.items()}),
        "style": _read("page.css"),
        "script": _read("page.js"),
    }
    return fill_page(_read("page.html"), parts)


def _write_list(entries: Mapping[str, str]) -> str:
    return "".join(
        f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in entries.items()
    )


def _read(name: str) -> str:
    return read_part(__package__, name)


PAGE_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; script-src {hash_source(_read('page.js'))}; "
        f"style-src {hash_source(_read('page.css'))} {hash_source(PLAN_STYLE)}; "
        "connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
"""Headers that the page is sent with: it may load and run nothing but itself. The pictures of
plans have a style sheet of their own."""
