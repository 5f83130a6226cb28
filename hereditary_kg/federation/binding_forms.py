"""In which form a member understands bindings: inline data, or a filter."""

from typing import Literal, TypeAlias

__all__ = ["BindingForm", "BindingKeyword"]

BindingKeyword: TypeAlias = Literal["values", "filter"]


class BindingForm:
    """The form of a member's bindings.

    Old endpoints refuse VALUES, which SPARQL has had since version 1.1. Nobody has to know
    beforehand: a member that refuses its first VALUES is asked with a FILTER, and if it
    understands that, always.

    Attributes:
        keyword: ``values`` or ``filter``.
        settled: whether the member has answered in that form, or its description names it.
    """

    def __init__(self, described: BindingKeyword | None = None) -> None:
        """Begin with the form that the member's description names, if it names one."""
        self.keyword: BindingKeyword = described or "values"
        self.settled = described is not None

    def settle(self, keyword: BindingKeyword) -> None:
        """Learn that the member has answered in a form."""
        if not self.settled:
            self.keyword = keyword
            self.settled = True
