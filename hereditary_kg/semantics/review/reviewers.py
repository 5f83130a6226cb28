"""Who reviews: a person by ORCID, or by name."""

import re
from dataclasses import dataclass

from hereditary_kg.semantics.errors import ReviewError

__all__ = ["Reviewer"]

_ORCID = re.compile(
    r"^(?:https?://orcid\.org/|orcid:)?(\d{4}-\d{4}-\d{4}-\d{3}[\dX])$", re.IGNORECASE
)


@dataclass(frozen=True, order=True)
class Reviewer:
    """A person who reviews.

    Attributes:
        text: ``orcid:0000-0002-1825-0097``, or a name.
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> "Reviewer":
        """Read an ORCID in any spelling, or a name.

        >>> Reviewer.parse("https://orcid.org/0000-0002-1825-0097")
        Reviewer(text='orcid:0000-0002-1825-0097')

        Raises:
            ReviewError: it is empty, has characters that no name has, or is an ORCID with a wrong
                check digit.
        """
        text = text.strip()
        found = _ORCID.match(text)
        if found:
            orcid = found[1].upper()
            if _check_digit(orcid) != orcid[-1]:
                reason = "its check digit is wrong. Look it up at orcid.org, or give a name."
                raise ReviewError(f"{text}: this is no ORCID: {reason}")
            return cls(f"orcid:{orcid}")
        if not text or not text.isprintable() or "|" in text:
            raise ReviewError(f"{text!r} is no name of a reviewer: give an ORCID or a name.")
        return cls(text)

    @property
    def is_orcid(self) -> bool:
        """Whether the person is named by ORCID."""
        return self.text.startswith("orcid:")


def _check_digit(orcid: str) -> str:
    """Compute the last character. Source: ISO 7064, MOD 11-2, as ORCID uses it."""
    total = 0
    for digit in orcid.replace("-", "")[:-1]:
        total = (total + int(digit)) * 2
    result = (12 - total % 11) % 11
    return "X" if result == 10 else str(result)
