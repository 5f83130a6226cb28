"""What a site refuses to run, found out before it runs, and errors that show their place."""

import re
import secrets
import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyoxigraph import Store

__all__ = ["QueryRefusedError", "check_query", "describe_syntax_error"]

_SERVICE = re.compile("service", re.IGNORECASE)
_ERROR_PLACE = re.compile(r"error at (\d+):(\d+): (.*)", re.DOTALL)
_CHARACTER_CLASS = re.compile(r"\[(?:'[^']*'|[^\]'])*\](?:,\s*)?")
_PROLOGUE = re.compile(
    r"(?:\s+|\#[^\n]*\n|BASE\s*<[^>]*>|PREFIX\s*[^\s:]*:\s*<[^>]*>)*", re.IGNORECASE
)
_UPDATE = re.compile(r"(INSERT|DELETE|LOAD|CLEAR|DROP|CREATE|ADD|MOVE|COPY|WITH)\b", re.IGNORECASE)
_CODE_POINT = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
_BEFORE_KEYWORD = {"", *" \t\r\n{}.;)>\"'"}
_KEYWORD = re.compile(r"[A-Z]{2,}")
_EXPECTED = 6
_WIDTH = 100


class QueryRefusedError(ValueError):
    """A query is no valid SPARQL, or asks for what a site does not do."""


def check_query(query: str, scratch: "Store", base: str | None = None) -> None:
    """Refuse updates, text that is not SPARQL, and queries with SERVICE.

    A site must send no request of its own, and Oxigraph sends one for each SERVICE as it runs.
    Whether a query has SERVICE is asked of Oxigraph's own parser: every place that reads
    "service" is overwritten by a random word of the same length and the result is parsed. In an
    IRI, a literal, a comment or a name any word will do; a keyword it cannot replace.

    Args:
        query: the text.
        scratch: an empty store; queries without SERVICE are run on it.
        base: what relative IRIs are relative to; None refuses them.

    Raises:
        QueryRefusedError: with a text for the asker that says what and where.
    """
    if not query.strip():
        raise QueryRefusedError("The query is empty.")
    places = [match.start() for match in _SERVICE.finditer(query)]
    if len(_SERVICE.findall(_unescape_code_points(query))) > len(places):
        raise QueryRefusedError("The word 'service' must not be written with \\u escapes.")
    word = "".join(secrets.choice(string.ascii_lowercase) for _ in "service")
    masked = _SERVICE.sub(word, query)
    try:
        scratch.query(masked, base_iri=base)
    except SyntaxError as error:
        update = _UPDATE.match(query, _PROLOGUE.match(query).end())  # type: ignore[union-attr]
        if update:
            raise QueryRefusedError(
                f"{update[1].upper()} is an update, and this endpoint only answers queries "
                "(SELECT, ASK, CONSTRUCT, DESCRIBE)."
            ) from error
        failed = _failure_offset(masked, error)
        for start in places:
            is_word = query[start - 1 : start] in _BEFORE_KEYWORD
            if is_word and failed is not None and start <= failed <= start + len(word) + 1:
                raise QueryRefusedError(
                    "SERVICE is refused: this endpoint sends no requests to others. Ask a "
                    f"federation for that.\n{_show(query, start)}"
                ) from error
        if places:
            # The parser's complaint lies elsewhere, so that it also holds of the query itself;
            # its words must not show the stand-in.
            raise QueryRefusedError(
                describe_syntax_error(query, error).replace(word, "service")
            ) from error
        raise QueryRefusedError(describe_syntax_error(query, error)) from error
    except (RuntimeError, OSError):
        # It parses; what else is wrong with it shows when it runs on the data.
        return


def describe_syntax_error(query: str, error: SyntaxError) -> str:
    """Say what is wrong with a query, with its line, its column and a caret under the place."""
    match = _ERROR_PLACE.fullmatch(error.msg or "")
    if match is None:
        return f"The query is not valid SPARQL: {error.msg}"
    line, column = int(match[1]), int(match[2])
    expected = _read_expected(match[3])
    # Of keywords Oxigraph tells the place behind as many characters as they have; the nearest
    # beginning is where the parser got to.
    if expected and all(_KEYWORD.fullmatch(item) for item in expected):
        length = min(map(len, expected))
        if column > length:
            column -= length
            expected = [item for item in expected if len(item) == length]
    return (
        f"The query is not valid SPARQL: line {line}, column {column}: {_word(expected)}\n"
        + _show(query, _offset(query, line, column))
    )


def _unescape_code_points(query: str) -> str:
    r"""Replace ``\uXXXX`` and ``\UXXXXXXXX``, which SPARQL allows in places (section 19.2)."""
    return _CODE_POINT.sub(lambda match: chr(min(int(match[1] or match[2], 16), 0x10FFFF)), query)


def _failure_offset(query: str, error: SyntaxError) -> int | None:
    match = _ERROR_PLACE.fullmatch(error.msg or "")
    return _offset(query, int(match[1]), int(match[2])) if match else None


def _offset(query: str, line: int, column: int) -> int:
    lines = query.split("\n")
    return sum(len(each) + 1 for each in lines[: line - 1]) + column - 1


def _show(query: str, offset: int) -> str:
    """Show the line of a place with a caret under it, cut to a screen's width."""
    start = query.rfind("\n", 0, offset) + 1
    end = query.find("\n", offset)
    line = query[start : end if end >= 0 else None].rstrip("\r").replace("\t", " ")
    left = max(0, offset - start - _WIDTH // 2)
    return f"  {line[left : left + _WIDTH]}\n  {' ' * (offset - start - left)}^"


def _read_expected(message: str) -> list[str]:
    """Read what a parser expected, without the character classes."""
    listed = message.removeprefix("expected ").removeprefix("one of ")
    plain = _CHARACTER_CLASS.sub("", listed).strip().rstrip(",")
    return [item.strip() for item in plain.split(", ") if item.strip()]


def _word(expected: list[str]) -> str:
    # Oxigraph puts what it knows better than the grammar among the expected tokens.
    telling = [item for item in expected if " " in item and not item.startswith('"')]
    if telling:
        return "; ".join(telling)
    if len(expected) > _EXPECTED:
        return f"expected one of {', '.join(expected[:_EXPECTED])} …"
    return f"expected {' or '.join(expected)}" if expected else "this is not expected here"
