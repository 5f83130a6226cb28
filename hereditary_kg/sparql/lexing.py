"""SPARQL text as tokens.

Source: SPARQL 1.1 Query Language, section 19.8 (terminals) and 19.2 (codepoint escapes).
"""

import re
import sys
from typing import NamedTuple

from hereditary_kg.sparql.errors import SparqlSyntaxError

__all__ = ["Token", "place", "read_tokens"]

_BASE = (
    "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d"
    "\u2070-\u218f\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_FIRST = _BASE + "_"
_INNER = _FIRST + "0-9\u00b7\u0300-\u036f\u203f-\u2040" + r"\-"
_ESCAPE = r"%[0-9A-Fa-f]{2}|\\[_~.\-!$&'()*+,;=/?#@%]"
_PREFIX = f"[{_BASE}](?:[{_INNER}.]*[{_INNER}])?"
_LOCAL = f"(?:[{_FIRST}:0-9]|{_ESCAPE})(?:(?:[{_INNER}.:]|{_ESCAPE})*(?:[{_INNER}:]|{_ESCAPE}))?"
_EXPONENT = "[eE][+-]?[0-9]+"

_TOKENS = re.compile(
    "|".join(
        (
            r"(?P<space>(?:[ \t\r\n]++|\#[^\r\n]*+)+)",
            r"(?P<iri><[^<>\"{}|^`\\\x00-\x20]*>)",
            f"(?P<variable>[?$][{_FIRST}0-9][{_FIRST}0-9\u00b7\u0300-\u036f\u203f-\u2040]*)",
            (
                r"(?P<string>'''(?:'{0,2}(?:[^'\\]++|\\[tbnrf\\\"']))*+'''"
                r'|"""(?:"{0,2}(?:[^"\\]++|\\[tbnrf\\"\']))*+"""'
                r"|'(?!'')(?:[^'\\\n\r]++|\\[tbnrf\\\"'])*+'"
                r'|"(?!"")(?:[^"\\\n\r]++|\\[tbnrf\\"\'])*+")'
            ),
            r"(?P<language>@[A-Za-z]+(?:-[A-Za-z0-9]+)*)",
            f"(?P<double>(?:[0-9]+\\.[0-9]*|\\.?[0-9]+){_EXPONENT})",
            r"(?P<decimal>[0-9]*\.[0-9]+)",
            r"(?P<integer>[0-9]+)",
            f"(?P<blank>_:[{_FIRST}0-9](?:[{_INNER}.]*[{_INNER}])?)",
            f"(?P<name>(?:{_PREFIX})?:(?:{_LOCAL})?)",
            r"(?P<word>[A-Za-z][A-Za-z0-9_]*)",
            r"(?P<sign>\^\^|&&|\|\||!=|<=|>=|[{}()\[\].,;=<>!+\-*/|^?])",
            r"(?P<wrong>.)",
        )
    ),
    re.DOTALL,
)

_CODEPOINT = re.compile(r"(?<!\\)((?:\\\\)*)\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))")
_ENDING = {"'": "\\'", '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r"}


class Token(NamedTuple):
    """One token: its kind (a group name of the pattern), its text and where it begins."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """The offset behind the token."""
        return self.start + len(self.text)


def place(text: str, offset: int) -> tuple[int, int]:
    """Give line and column (from 1) of ``offset`` in ``text``."""
    before = text[:offset]
    return before.count("\n") + 1, offset - before.rfind("\n")


def expand_codepoints(text: str) -> str:
    r"""Replace ``\uXXXX`` and ``\UXXXXXXXX`` by their characters (section 19.2).

    An escape may stand only for a character that is legal in its place, so a quote or a
    line break is never the end of the string it stands in.
    """
    if "\\" not in text:
        return text

    def character(match: re.Match[str]) -> str:
        code = int(match.group(2) or match.group(3), 16)
        if code > sys.maxunicode or 0xD800 <= code <= 0xDFFF:
            line, column = place(text, match.start() + len(match.group(1)))
            raise SparqlSyntaxError("this escape names no character", text, line, column)
        return match.group(1) + _ENDING.get(chr(code), chr(code))

    return _CODEPOINT.sub(character, text)


def read_tokens(text: str) -> list[Token]:
    """Split ``text`` into tokens; the last one has the kind ``end``.

    Raises:
        SparqlSyntaxError: a character begins no token, or is none (half a surrogate pair, as
            Python reads bytes that are not UTF-8 from a command line).
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        line, column = place(text, error.start)
        hint = "Write the query in UTF-8."
        raise SparqlSyntaxError("this is not a character", text, line, column, hint) from None
    tokens = []
    for match in _TOKENS.finditer(text):
        kind = match.lastgroup or "wrong"
        if kind == "wrong":
            raise _no_token(text, match.start())
        if kind != "space":
            tokens.append(Token(kind, match.group(), match.start()))
    tokens.append(Token("end", "", len(text)))
    return tokens


def _no_token(text: str, offset: int) -> SparqlSyntaxError:
    character = text[offset]
    line, column = place(text, offset)
    if character in "'\"":
        reason = "this string does not end, or holds an unknown escape"
        hint = "Close it with the same quote; escapes are \\t \\n \\r \\b \\f \\\\ \\\" \\'."
        return SparqlSyntaxError(reason, text, line, column, hint)
    return SparqlSyntaxError(f"unexpected character {character!r}", text, line, column)
