"""How pages are put together: one document each, which loads nothing."""

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files

__all__ = ["fill_page", "hash_source", "read_part"]


def read_part(package: str, name: str) -> str:
    """Read a page, script or style sheet that lies in a package."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def fill_page(page: str, parts: Mapping[str, str]) -> str:
    """Put parts into a page's ``{{places}}``.

    Args:
        page: the page.
        parts: by place; texts of others are escaped already.
    """
    # Split once, so that nothing in a part is taken for a place of another.
    first, *rest = page.split("{{")
    pieces = [piece.partition("}}") for piece in rest]
    return first + "".join(parts[name] + behind for name, _, behind in pieces)


def hash_source(content: str) -> str:
    """Give the source expression that lets a page run or show just this.

    Source: Content Security Policy Level 3, section 2.3.1.
    """
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
