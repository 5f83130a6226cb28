"""How large messages may be, and how long each side waits."""

from dataclasses import dataclass

__all__ = ["GrpcOption", "Limits"]

GrpcOption = tuple[str, int]


@dataclass(frozen=True)
class Limits:
    """The limits of a gRPC grid; both sides should have the same.

    Attributes:
        message_bytes: how large a message may be, a model's update most of all.
        keep_alive: seconds without traffic after which a side asks whether the other is there.
        keep_alive_timeout: seconds that the answer may take.
        reconnect: seconds that a site whose stream broke has to come back, before its open
            messages are answered for.
        first_pause: seconds before a site tries again to connect; doubled with each failure.
        longest_pause: seconds between two tries at most.
    """

    message_bytes: int = 256 * 2**20
    keep_alive: float = 10.0
    keep_alive_timeout: float = 10.0
    reconnect: float = 30.0
    first_pause: float = 0.1
    longest_pause: float = 15.0

    def options(self) -> list[GrpcOption]:
        """Give the options of a gRPC channel or server."""
        room = self.message_bytes + 2**21
        milliseconds = int(self.keep_alive * 1000)
        return [
            ("grpc.max_receive_message_length", room),
            ("grpc.max_send_message_length", room),
            ("grpc.keepalive_time_ms", milliseconds),
            ("grpc.keepalive_timeout_ms", int(self.keep_alive_timeout * 1000)),
            ("grpc.http2.ping_timeout_ms", int(self.keep_alive_timeout * 1000)),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.max_pings_without_data", 0),
            ("grpc.http2.min_ping_interval_without_data_ms", milliseconds // 2),
            ("grpc.http2.max_ping_strikes", 0),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", int(self.longest_pause * 1000)),
            ("grpc.enable_http_proxy", 0),
            ("grpc.so_reuseport", 0),
            ("grpc.use_local_subchannel_pool", 1),
        ]
