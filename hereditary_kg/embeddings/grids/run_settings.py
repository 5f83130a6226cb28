"""The settings of a run, as nested tables and as the flat table that applications read."""

from collections.abc import Mapping
from typing import Any

from hereditary_kg.embeddings.grids.errors import SettingsError

__all__ = ["SettingValue", "flatten_settings"]

SettingValue = bool | int | float | str
"""What a setting may be: Flower's applications read no others."""


def flatten_settings(tables: Mapping[str, Any], above: str = "") -> dict[str, SettingValue]:
    """Write nested tables as one, with dots in its keys, as Flower gives it to applications.

    >>> flatten_settings({"rounds": 3, "model": {"name": "TransE"}})
    {'rounds': 3, 'model.name': 'TransE'}

    Raises:
        SettingsError: a value is neither a table, a text, a number nor true or false.
    """
    flat: dict[str, SettingValue] = {}
    for key, value in tables.items():
        place = f"{above}.{key}" if above else key
        if isinstance(value, Mapping):
            flat.update(flatten_settings(value, place))
        elif isinstance(value, SettingValue):
            flat[place] = value
        else:
            raise SettingsError(
                f"Setting {place} is a {type(value).__name__}. Flower's applications read texts, "
                "numbers, true and false; write a list as one text."
            )
    return flat
