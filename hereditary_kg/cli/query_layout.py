"""SPARQL text on lines that people can read: one triple a line, groups indented, short IRIs."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hereditary_kg.cli.term_display import shorten_iri

if TYPE_CHECKING:
    from hereditary_kg.sparql.lexing import Token

__all__ = ["lay_out_query", "shorten_query"]

_INDENT = "  "
_LINE_BEGINS = frozenset(
    ("FILTER", "GROUP", "HAVING", "LIMIT", "MINUS", "OFFSET", "OPTIONAL", "ORDER", "VALUES")
)


def shorten_query(text: str, prefixes: Mapping[str, str]) -> str:
    """Write the query's IRIs with prefixes; its strings stay as they are."""
    from hereditary_kg.sparql.lexing import read_tokens

    tokens = read_tokens(text)
    return "".join(_gap(text, tokens, n) + _shown(t, prefixes) for n, t in enumerate(tokens))


def lay_out_query(text: str, prefixes: Mapping[str, str]) -> str:
    """Break a query, as `hereditary_kg.sparql.printing` writes it, into indented lines."""
    from hereditary_kg.sparql.lexing import read_tokens

    tokens = read_tokens(text)
    lines: list[str] = []
    line = ""
    depth = parentheses = 0

    def end_line() -> None:
        nonlocal line
        if line.strip():
            lines.append(_INDENT * depth + line.strip())
        line = ""

    for number, token in enumerate(tokens):
        if token.text in {"(", ")"}:
            parentheses += 1 if token.text == "(" else -1
        inside = parentheses > 0
        begins = token.text == "}" or token.text.upper() in _LINE_BEGINS
        if begins and not inside:
            end_line()
        if token.text == "}" and not inside:
            depth -= 1
        line += _gap(text, tokens, number) + _shown(token, prefixes)
        if token.text in {"{", "}", "."} and not inside:
            end_line()
        if token.text == "{" and not inside:
            depth += 1
    end_line()
    return "\n".join(lines)


def _gap(text: str, tokens: "list[Token]", number: int) -> str:
    if number == 0:
        return ""
    return text[tokens[number - 1].end : tokens[number].start]


def _shown(token: "Token", prefixes: Mapping[str, str]) -> str:
    return shorten_iri(token.text[1:-1], prefixes) if token.kind == "iri" else token.text
