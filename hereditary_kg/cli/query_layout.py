"""SPARQL text on lines that people can read: one triple a line, groups indented, short IRIs."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hereditary_kg.cli.term_display import shorten_iri

if TYPE_CHECKING:
    from hereditary_kg.sparql.lexing import Token

__all__ = ["lay_out_query", "shorten_query", "summarise_query"]


def shorten_query(text: str, prefixes: Mapping[str, str]) -> str:
    """Write the query's IRIs with prefixes; its strings stay as they are."""
    from hereditary_kg.sparql.lexing import read_tokens

    tokens = read_tokens(text)
    return "".join(_gap(text, tokens, n) + _shown(t, prefixes) for n, t in enumerate(tokens))


def summarise_query(text: str, prefixes: Mapping[str, str]) -> str:
    """Write in one line what a query asks for: its group, with the number of inline rows.

    >>> summarise_query('SELECT ?s WHERE { VALUES (?s) { (<urn:a>) (<urn:b>) } ?s ?p 1 . }', {})
    'VALUES (?s) { 2 rows } ?s ?p 1 .'
    """
    from hereditary_kg.sparql.lexing import read_tokens

    tokens = read_tokens(text)
    first = next((n for n, token in enumerate(tokens) if token.text == "{"), -1)
    summary = ""
    rows: int | None = None
    for number in range(first + 1, len(tokens)):
        token = tokens[number]
        if rows is not None:
            rows += token.text == "("
            if token.text != "}":
                continue
            summary += f" {rows:,} row{'' if rows == 1 else 's'} }}"
            rows = None
            continue
        summary += _gap(text, tokens, number) + _shown(token, prefixes)
        if token.text == "{" and _opens_rows(tokens, number):
            rows = 0
    return summary.strip().removesuffix("}").strip()


def _opens_rows(tokens: "list[Token]", number: int) -> bool:
    """Say whether this brace opens the rows of inline data in their full form."""
    back = number - 1
    if tokens[back].text != ")":
        return False
    while back >= 0 and tokens[back].text != "(":
        back -= 1
    return tokens[back - 1].text.upper() == "VALUES"


def lay_out_query(text: str, prefixes: Mapping[str, str]) -> str:
    """Break a query, as `hereditary_kg.sparql.printing` writes it, into indented lines."""
    from hereditary_kg.planning.explanation.pattern_lines import lay_out_lines

    return "\n".join(lay_out_lines(shorten_query(text, prefixes)))


def _gap(text: str, tokens: "list[Token]", number: int) -> str:
    if number == 0:
        return ""
    return text[tokens[number - 1].end : tokens[number].start]


def _shown(token: "Token", prefixes: Mapping[str, str]) -> str:
    return shorten_iri(token.text[1:-1], prefixes) if token.kind == "iri" else token.text
