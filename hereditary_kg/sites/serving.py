"""Running an application: listening, saying so, and leaving in good order."""

import asyncio
import errno
import logging
import signal
from collections.abc import Callable

from aiohttp import web

from hereditary_kg.sites.errors import SiteError

__all__ = ["serve_application"]

_LONGEST_LINE = 2**16
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def serve_application(
    application: web.Application,
    host: str,
    port: int,
    *,
    on_ready: Callable[[str], None] | None = None,
    stop: asyncio.Event | None = None,
    drain_seconds: float = 30.0,
) -> None:
    """Serve an application until SIGTERM or SIGINT comes, or ``stop`` is set.

    Then no more connections are taken, requests that run may finish, and the function returns.
    A client that leaves cancels the handler of its request.

    Args:
        application: the application.
        host: the address to listen on.
        port: the TCP port; 0 takes a free one.
        on_ready: told the URL once connections are taken.
        stop: ends the service when it is set.
        drain_seconds: how long requests may take to finish; then they are cancelled.

    Raises:
        SiteError: the address cannot be listened on.
    """
    stop = stop if stop is not None else asyncio.Event()
    runner = web.AppRunner(
        application,
        handle_signals=False,
        access_log=None,
        # aiohttp's own messages name clients and repeat requests.
        logger=_silent_logger(),
        handler_cancellation=True,
        shutdown_timeout=drain_seconds,
        max_line_size=_LONGEST_LINE,
        max_field_size=_LONGEST_LINE,
    )
    await runner.setup()
    handled: list[signal.Signals] = []
    try:
        listener = web.TCPSite(runner, host, port, backlog=1024)
        try:
            await listener.start()
        except OSError as error:
            raise SiteError(_explain_address(host, port, error)) from error
        handled = _handle_signals(stop)
        if on_ready is not None:
            on_ready(_url(host, runner.addresses[0][1]))
        await stop.wait()
    finally:
        for number in handled:
            asyncio.get_running_loop().remove_signal_handler(number)
        await runner.cleanup()


def _handle_signals(stop: asyncio.Event) -> list[signal.Signals]:
    """Have the signals end the service, where this thread is the one that gets them."""
    handled = []
    for number in _SIGNALS:
        try:
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        except (NotImplementedError, RuntimeError, ValueError):
            break
        handled.append(number)
    return handled


def _explain_address(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is in use; stop what uses it, or choose another with "
            "--port (0 takes a free one)"
        )
    if error.errno == errno.EACCES:
        return f"port {port} on {host} is not allowed to this user; choose one above 1023"
    return (
        f"cannot listen on {host}, port {port}: {error.strerror or error}; choose an address of "
        "this machine with --host (127.0.0.1, or 0.0.0.0 for all of them)"
    )


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _silent_logger() -> logging.Logger:
    logger = logging.getLogger("hereditary_kg.http")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger
