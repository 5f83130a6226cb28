"""The tables of a TOML file, read key by key with errors that point at them."""

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hereditary_kg.federation.description_lines import KeyPath
from hereditary_kg.federation.errors import DescriptionError

__all__ = ["TableReader"]

_SECRETS = {"password", "passwd", "token", "secret", "api_key", "apikey", "api-key", "bearer"}


class TableReader:
    """One table of a description file.

    Attributes:
        place: where the table stands in the file.
    """

    def __init__(
        self,
        path: Path,
        lines: Mapping[KeyPath, int],
        place: KeyPath,
        table: Mapping[str, Any],
    ) -> None:
        """Take a table.

        Args:
            path: the file.
            lines: the lines of its keys (`find_key_lines`).
            place: the table's own path in it.
            table: what tomllib read.
        """
        self.place = place
        self._path = path
        self._lines = lines
        self._table = table

    def __contains__(self, key: str) -> bool:
        return key in self._table

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def refuse_unknown(self, known: Sequence[str]) -> None:
        """Refuse keys that are not known, and those that would hold a secret.

        Raises:
            DescriptionError: there is one.
        """
        for key in self._table:
            if key in known:
                continue
            if key.lower() in _SECRETS:
                variable = "password_variable" if "pass" in key.lower() else "token_variable"
                raise self.error(
                    key,
                    "secrets do not belong in this file; put it into an environment variable "
                    f'and name that here: {variable} = "…"',
                )
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise self.error(key, f"unknown key; {hint}")

    def text(self, key: str, default: str | None = None) -> str:
        """Read a text that is not empty.

        Raises:
            DescriptionError: it is none, or there is none and no default.
        """
        if key not in self._table:
            if default is None:
                raise self.error(key, "is missing")
            return default
        value = self._table[key]
        if not isinstance(value, str):
            raise self._type_error(key, "a text in quotes")
        if not value.strip():
            raise self.error(key, "is empty")
        return value

    def optional_text(self, key: str) -> str | None:
        """Read a text, None where there is none."""
        return self.text(key) if key in self._table else None

    def texts(self, key: str) -> tuple[str, ...]:
        """Read a list of texts, empty where there is none."""
        value = self._table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._type_error(key, "a list of texts in quotes")
        return tuple(value)

    def flag(self, key: str, *, default: bool) -> bool:
        """Read true or false."""
        value = self._table.get(key, default)
        if not isinstance(value, bool):
            raise self._type_error(key, "true or false")
        return value

    def whole_number(self, key: str, default: int, smallest: int, largest: int) -> int:
        """Read a whole number between two bounds, which belong to it."""
        value = self._table.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._type_error(key, "a whole number")
        if not smallest <= value <= largest:
            raise self.error(key, f"must lie between {smallest} and {largest}")
        return value

    def seconds(self, key: str) -> float | None:
        """Read a time greater than 0, None where there is none."""
        if key not in self._table:
            return None
        value = self._table[key]
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self._type_error(key, "a number of seconds")
        if not (value > 0 and math.isfinite(value)):
            raise self.error(key, "must be more than 0 seconds")
        return float(value)

    def choice(self, key: str, choices: Sequence[str]) -> str:
        """Read one of some words; the first is the default."""
        value = self.text(key, choices[0])
        if value not in choices:
            allowed = " or ".join(f'"{choice}"' for choice in choices)
            raise self.error(key, f"must be {allowed}, not {value!r}")
        return value

    def file_path(self, key: str) -> Path | None:
        """Read a path relative to the description's directory, None where there is none."""
        value = self.optional_text(key)
        return None if value is None else self._path.parent / Path(value).expanduser()

    def table(self, key: str) -> "TableReader":
        """Give a table inside this one, empty where there is none."""
        value = self._table.get(key, {})
        if not isinstance(value, dict):
            raise self._type_error(key, f"a table: [{key}]")
        return TableReader(self._path, self._lines, (*self.place, key), value)

    def tables(self, key: str) -> tuple["TableReader", ...]:
        """Give the tables of an array, none where there is none."""
        value = self._table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self._type_error(key, f"an array of tables: [[{key}]]")
        return tuple(
            TableReader(self._path, self._lines, (*self.place, key, number), item)
            for number, item in enumerate(value)
        )

    def error(self, key: str, reason: str) -> DescriptionError:
        """Make an error that points at a key, or at the table where the key is missing."""
        path: KeyPath = (*self.place, key) if key else self.place
        line = None
        for length in range(len(path), 0, -1):
            line = self._lines.get(path[:length])
            if line is not None:
                break
        return DescriptionError(self._path, line or 1, _write_path(path), reason)

    def _type_error(self, key: str, wanted: str) -> DescriptionError:
        # The value is not shown: it might be a secret in the wrong place.
        found = _TYPE_NAMES.get(type(self._table[key]), type(self._table[key]).__name__)
        return self.error(key, f"must be {wanted}, not {found}")


def _write_path(path: KeyPath) -> str:
    """Write a key's path for people, who count from 1: ``member[2].url``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += f".{part}" if text else part
    return text


_TYPE_NAMES = {
    bool: "true or false",
    dict: "a table",
    float: "a number",
    int: "a whole number",
    list: "a list",
    str: "a text",
}
