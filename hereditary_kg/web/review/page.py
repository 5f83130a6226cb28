"""The page for reviewers."""

from html import escape

from hereditary_kg.semantics.review.reviewers import Reviewer
from hereditary_kg.web.page_parts import fill_page, hash_source, read_part

__all__ = ["PAGE_HEADERS", "write_page"]


def write_page(name: str, reviewer: Reviewer) -> str:
    """Write the page: one document, which asks this service only.

    Args:
        name: of the mapping set's file.
        reviewer: whose page it is.
    """
    parts = {
        "name": escape(name),
        "reviewer": escape(reviewer.text),
        "style": _read("page.css"),
        "script": _read("page.js"),
    }
    return fill_page(_read("page.html"), parts)


def _read(name: str) -> str:
    return read_part(__package__, name)


PAGE_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; script-src {hash_source(_read('page.js'))}; "
        f"style-src {hash_source(_read('page.css'))}; connect-src 'self'; img-src data:; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # The address holds the token: no other page is to be told it.
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""Headers that the page is sent with: it may load and run nothing but itself."""
