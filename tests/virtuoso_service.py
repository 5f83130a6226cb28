"""A throw-away Virtuoso that gives no more than 1,000 rows, from Debian's packages.

It is installed where apt and the right to use it are at hand; tests skip where not.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

__all__ = ["GRAPH", "ROW_CAP", "virtuoso_service"]

ROW_CAP = 1000
GRAPH = "http://example.org/graph"

_PACKAGE = "virtuoso-opensource-7-bin"
_SERVER, _CLIENT = "virtuoso-t", "isql-vt"
_INSTALL_SECONDS = 240
_START_SECONDS = 90

_SETTINGS = """
[Database]
DatabaseFile = {directory}/virtuoso.db
ErrorLogFile = {directory}/virtuoso.log
LockFile = {directory}/virtuoso.lck
TransactionFile = {directory}/virtuoso.trx
xa_persistent_file = {directory}/virtuoso.pxa
FileExtend = 200
MaxCheckpointRemap = 2000
TempStorage = TempDatabase

[TempDatabase]
DatabaseFile = {directory}/virtuoso-temp.db
TransactionFile = {directory}/virtuoso-temp.trx
MaxCheckpointRemap = 2000

[Parameters]
ServerPort = 127.0.0.1:{sql_port}
DisableUnixSocket = 1
ServerThreads = 20
CheckpointInterval = 0
NumberOfBuffers = 2000
MaxDirtyBuffers = 1200
DirsAllowed = {directory}

[HTTPServer]
ServerPort = 127.0.0.1:{http_port}
ServerRoot = {directory}
ServerThreads = 8
Charset = UTF-8

[SPARQL]
ResultSetMaxRows = {row_cap}
DefaultGraph = {graph}
MaxQueryCostEstimationTime = 0
MaxQueryExecutionTime = 60
"""


@contextmanager
def virtuoso_service(directory: Path, ntriples: str) -> Iterator[str]:
    """Run a Virtuoso with some triples in its default graph; gives its endpoint's address."""
    _install()
    sql_port, http_port = _free_ports()
    settings = directory / "virtuoso.ini"
    settings.write_text(
        _SETTINGS.format(
            directory=directory,
            sql_port=sql_port,
            http_port=http_port,
            row_cap=ROW_CAP,
            graph=GRAPH,
        )
    )
    (directory / "data.nt").write_text(ntriples)
    url = f"http://127.0.0.1:{http_port}/sparql"
    with (directory / "output").open("wb") as output:
        process = subprocess.Popen(
            [_SERVER, "+foreground", "+configfile", str(settings)],
            cwd=directory,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_up(process, url, directory)
            _load(directory, sql_port)
            yield url
        finally:
            # It would write a checkpoint on SIGTERM, of data that nobody wants any more.
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=60)


def _install() -> None:
    if shutil.which(_SERVER) and shutil.which(_CLIENT):
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        pytest.skip(f"{_SERVER} is not installed, and there is no apt-get or no right to use it")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    options = ["-q", "-y", "-o", "DPkg::Lock::Timeout=60"]
    for command in (["update"], ["install", "--no-install-recommends", _PACKAGE]):
        try:
            subprocess.run(
                ["apt-get", *options, *command],
                check=True,
                capture_output=True,
                env=environment,
                timeout=_INSTALL_SECONDS,
            )
        except (subprocess.SubprocessError, OSError) as error:
            pytest.skip(f"{_PACKAGE} cannot be installed: {error}")


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        for each in (first, second):
            each.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


def _wait_until_up(process: subprocess.Popen[bytes], url: str, directory: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    question = f"{url}?{urllib.parse.urlencode({'query': 'ASK {}'})}"
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(question, timeout=5):
            return
        time.sleep(0.2)
    pytest.fail(f"Virtuoso did not start: {(directory / 'output').read_text()[-2000:]}")


def _load(directory: Path, sql_port: int) -> None:
    script = (
        f"DB.DBA.TTLP(file_to_string_output('{directory}/data.nt'), '', '{GRAPH}', 0);\n"
        "select 'loaded' from DB.DBA.SYS_USERS where U_NAME = 'dba';\n"
    )
    (directory / "load.sql").write_text(script)
    done = subprocess.run(
        [_CLIENT, f"127.0.0.1:{sql_port}", "dba", "dba", str(directory / "load.sql")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if "loaded" not in done.stdout or "Error" in done.stdout + done.stderr:
        pytest.fail(f"Virtuoso did not load the data: {done.stdout}{done.stderr}")
