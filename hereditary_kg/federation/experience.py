"""What one federation has learnt of one member, from query to query."""

from dataclasses import dataclass, field

from hereditary_kg.federation.binding_forms import BindingForm
from hereditary_kg.federation.block_sizes import BlockSize
from hereditary_kg.federation.description import MemberDescription
from hereditary_kg.federation.row_caps import RowCap
from hereditary_kg.federation.statistics import MemberStatistics

__all__ = ["Experience"]


@dataclass
class Experience:
    """What a member's answers have taught; kept as long as the member is.

    Every lesson is advice for speed, except the row cap, which errs on the side of asking
    again. So queries that run at the same time may learn in any order.

    Attributes:
        block_size: how many bindings it gets in one request.
        binding_form: in which form it understands them.
        row_cap: how many rows it gives at most.
        statistics: what its answers have cost.
    """

    block_size: BlockSize = field(default_factory=BlockSize)
    binding_form: BindingForm = field(default_factory=BindingForm)
    row_cap: RowCap = field(default_factory=RowCap)
    statistics: MemberStatistics = field(default_factory=MemberStatistics)

    @classmethod
    def of(cls, description: MemberDescription) -> "Experience":
        """Begin with what a member's description says."""
        return cls(
            binding_form=BindingForm(description.bindings),
            row_cap=RowCap(description.row_cap),
        )
