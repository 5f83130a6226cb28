"""Sums of what sites contribute, of which nobody sees a part.

The protocol is that of Bonawitz et al., Practical secure aggregation for privacy-preserving machine
learning (CCS 2017), with keys once a run and seeds that each open one round only. It is two state
machines without a transport: whatever carries bytes can carry it. ``docs/threat-model.md`` says
what it holds against, and why each message is needed.
"""

from hereditary_kg.embeddings.secure_aggregation.fixed_point import FixedPoint
from hereditary_kg.embeddings.secure_aggregation.identities import AllowList, SigningKey
from hereditary_kg.embeddings.secure_aggregation.server_protocol import (
    AggregatedRound,
    ServerProtocol,
)
from hereditary_kg.embeddings.secure_aggregation.settings import (
    RUN_BYTES,
    RoundLayout,
    RowSpace,
    RunSettings,
    SitePolicy,
    TensorLayout,
    default_owners,
    default_threshold,
)
from hereditary_kg.embeddings.secure_aggregation.site_protocol import SiteProtocol
from hereditary_kg.embeddings.secure_aggregation.site_state import SiteState

__all__ = [
    "RUN_BYTES",
    "AggregatedRound",
    "AllowList",
    "FixedPoint",
    "RoundLayout",
    "RowSpace",
    "RunSettings",
    "ServerProtocol",
    "SigningKey",
    "SitePolicy",
    "SiteProtocol",
    "SiteState",
    "TensorLayout",
    "default_owners",
    "default_threshold",
]
