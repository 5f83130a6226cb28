"""What of the original codes stays in converted data."""

from enum import StrEnum

__all__ = ["Keep"]


class Keep(StrEnum):
    """What of the original codes stays in converted data."""

    NOTHING = "nothing"
    CODES = "codes"
    """Each original code stands beside the one that it became."""
    MAPPINGS = "mappings"
    """Each original code stands there with the mappings by which it was converted."""
