"""Where the keys of a TOML file stand, which tomllib does not say."""

import re
from collections.abc import Mapping
from typing import TypeAlias

__all__ = ["KeyPath", "find_key_lines"]

KeyPath: TypeAlias = tuple[str | int, ...]

_NAME = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_DOTTED = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(rf"\s*({_DOTTED})\s*=")
_PART = re.compile(_NAME)
_MULTILINE = re.compile(r'"""|\'\'\'')


def find_key_lines(text: str) -> Mapping[KeyPath, int]:
    r"""Find the line of every table header and key.

    It is a scan by lines, for files that tomllib has read: keys inside inline tables are not
    found, nor is a key whose line begins inside an array; those are then shown at the line of
    the key or table around them. Multi-line strings are passed over.

    Args:
        text: the file.

    Returns:
        Lines from 1 by path; the tables of an array count from 0:
        ``("member", 1, "url")``, ``("member", 1)``.

    >>> find_key_lines('[[member]]\nname = "a"')[("member", 0, "name")]
    2
    """
    lines: dict[KeyPath, int] = {}
    arrays: dict[KeyPath, int] = {}
    table: KeyPath = ()
    closing: str | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if closing is not None:
            if closing in line:
                closing = None
            continue
        if header := _HEADER.fullmatch(line):
            table = _split(header[2])
            if header[1] == "[[":
                arrays[table] = arrays.get(table, -1) + 1
            table = _place(table, arrays)
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *_split(key[1])), number)
        opened = _MULTILINE.findall(line)
        if len(opened) % 2:
            closing = opened[-1]
    return lines


def _split(dotted: str) -> tuple[str, ...]:
    return tuple(part[1:-1] if part[0] in "\"'" else part for part in _PART.findall(dotted))


def _place(names: KeyPath, arrays: Mapping[KeyPath, int]) -> KeyPath:
    """Put the numbers of the latest tables of arrays into a path of names."""
    path: list[str | int] = []
    for length, name in enumerate(names, start=1):
        path.append(name)
        if names[:length] in arrays:
            path.append(arrays[names[:length]])
    return tuple(path)
