"""SPARQL text on lines that people can read: one triple a line, groups indented."""

from typing import TYPE_CHECKING

from hereditary_kg.sparql.lexing import read_tokens

if TYPE_CHECKING:
    from hereditary_kg.sparql.lexing import Token

__all__ = ["lay_out_lines"]

_INDENT = "  "
_LINE_BEGINS = frozenset(
    ("FILTER", "GROUP", "HAVING", "LIMIT", "MINUS", "OFFSET", "OPTIONAL", "ORDER", "VALUES")
)


def lay_out_lines(text: str) -> list[str]:
    """Break a query or a group into indented lines.

    >>> lay_out_lines("?s ?p ?o . OPTIONAL { ?o ?q 1.5 . }")
    ['?s ?p ?o .', 'OPTIONAL {', '  ?o ?q 1.5 .', '}']

    Args:
        text: SPARQL as `hereditary_kg.sparql.printing` writes it.

    Raises:
        SparqlSyntaxError: it is not made of SPARQL's tokens.
    """
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
        line += _gap(text, tokens, number) + token.text
        if token.text in {"{", "}", "."} and not inside:
            end_line()
        if token.text == "{" and not inside:
            depth += 1
    end_line()
    return lines


def _gap(text: str, tokens: "list[Token]", number: int) -> str:
    if number == 0:
        return ""
    return text[tokens[number - 1].end : tokens[number].start]
