"""Services of sites in processes of their own, for real clients to talk to."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hereditary_kg.sites import Site

SERVE = """
import asyncio, json, sys
from hereditary_kg.sites import Site
from hereditary_kg.sites.service import serve

directory, options = sys.argv[1], json.loads(sys.argv[2])
site = Site.open(directory)
on_ready = lambda url: print(url, flush=True)
asyncio.run(serve(site, "127.0.0.1", 0, on_ready=on_ready, **options))
"""


@contextmanager
def service_process(site: Site, options: str = "{}") -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Serve a site in a process of its own; gives its URL and the process."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(site.directory), options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    try:
        url = process.stdout.readline().strip()
        if not url:
            pytest.fail(f"the service did not start: {process.stderr.read()}")
        yield url, process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
        assert "Traceback" not in errors, errors
