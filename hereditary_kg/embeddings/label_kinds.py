"""Which entities and relations are everybody's, and which one site's own.

The declaration is by namespaces, so that it can be read and agreed on before anybody's data are.
What is in none of the shared namespaces is local. So a forgotten namespace costs accuracy, and
nobody's name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

__all__ = ["EVERYTHING_PUBLIC", "LabelKind", "Namespaces"]


class LabelKind(StrEnum):
    """What an entity or a relation is in a federation.

    Attributes:
        LOCAL: it is this site's own, such as a person. Neither its label in any form nor its
            vector leaves the site.
        PUBLIC: it is in a shared namespace, so that its label is no secret; but not enough other
            sites hold it, or which do is not known yet. Its vector does not leave the site.
        SHARED: it is in a shared namespace, and enough sites hold it: its vector is aggregated.
    """

    LOCAL = "local"
    PUBLIC = "public"
    SHARED = "shared"


@dataclass(frozen=True)
class Namespaces:
    """What labels of public terms begin with.

    Attributes:
        shared: beginnings of public labels.
        local: beginnings of labels that are local nevertheless.
    """

    shared: tuple[str, ...]
    local: tuple[str, ...] = ()

    def is_public(self, label: str) -> bool:
        """Say whether a label is of a public term.

        >>> namespaces = Namespaces(("http://a/",), ("http://a/patient/",))
        >>> namespaces.is_public("http://a/HP_1"), namespaces.is_public("http://a/patient/1")
        (True, False)
        """
        return label.startswith(self.shared) and not label.startswith(self.local)

    def mark_public(self, labels: Sequence[str]) -> NDArray[np.bool_]:
        """Say of each label whether it is of a public term. Shape ``[n]``."""
        return np.fromiter(map(self.is_public, labels), dtype=np.bool_, count=len(labels))


EVERYTHING_PUBLIC = Namespaces(("",))
"""For public graphs of benchmarks: no label is a secret."""
