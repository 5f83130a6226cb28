"""The ways to reach a member: over HTTP, in this process, or scripted by a test."""

from hereditary_kg.federation.errors import TransportError
from hereditary_kg.federation.transport.embedded_transport import EmbeddedTransport
from hereditary_kg.federation.transport.http_transport import Credentials, HttpTransport
from hereditary_kg.federation.transport.protocol import (
    DATA_VERSION_HEADER,
    FetchedProfile,
    ServiceIdentity,
    Transport,
    TransportRequest,
    TransportResponse,
)
from hereditary_kg.federation.transport.scripted_transport import (
    ScriptedAnswer,
    ScriptedTransport,
)

__all__ = [
    "DATA_VERSION_HEADER",
    "Credentials",
    "EmbeddedTransport",
    "FetchedProfile",
    "HttpTransport",
    "ScriptedAnswer",
    "ScriptedTransport",
    "ServiceIdentity",
    "Transport",
    "TransportError",
    "TransportRequest",
    "TransportResponse",
]
