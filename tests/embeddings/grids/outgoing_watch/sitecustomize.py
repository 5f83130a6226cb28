"""Put on PYTHONPATH, it writes down where Python processes connect beyond this machine."""

import os
import sys


def watch(event: str, arguments: tuple[object, ...]) -> None:
    """Write a name that is looked up or an address that is connected to."""
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    text = host.decode() if isinstance(host, bytes) else str(host)
    if text in {"", "None", "localhost", "0.0.0.0", "::", "::1"} or text.startswith("127."):
        return
    with open(os.environ["OUTGOING_LOG"], "a") as file:  # noqa: PTH123  (pathlib is not loaded yet)
        file.write(f"{text} {sys.argv}\n")


sys.addaudithook(watch)
