"""Commands as processes of their own: terminals, signals, ports, pipes."""

import contextlib
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from federation_data import GENES

from hereditary_kg.sites import Site

pytestmark = pytest.mark.sockets

COMMAND = [sys.executable, "-W", "error", "-m", "hereditary_kg.cli.main"]
ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def service(*arguments):
    """Start a service; give its address and process, and stop it in the end."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        address = process.stdout.readline().strip()
        if not address:
            pytest.fail(process.stderr.read())
        yield address, process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ask(address, query):
    url = f"{address}?{urllib.parse.urlencode({'query': query})}"
    request = urllib.request.Request(url, headers={"Accept": "application/sparql-results+json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def in_terminal(*arguments, interrupt_after=None):
    """Run a command in a pseudo-terminal of 100 columns; give its exit code and what it wrote."""
    process_id, terminal = pty.fork()
    if process_id == 0:
        os.chdir(ROOT)
        environment = {**os.environ, "COLUMNS": "100", "TERM": "xterm-256color"}
        os.execve(COMMAND[0], [*COMMAND, *map(str, arguments)], environment)
    written = b""
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 0.2)
        if ready:
            try:
                part = os.read(terminal, 65536)
            except OSError:
                break
            if not part:
                break
            written += part
        if interrupt_after is not None and interrupt_after in written:
            os.write(terminal, b"\x03")
            interrupt_after = None
    os.close(terminal)
    _, status = os.waitpid(process_id, 0)
    return os.waitstatus_to_exitcode(status), written.decode()


@pytest.fixture(scope="module")
def large_site(tmp_path_factory):
    """Give a federation of one site that has queries which take minutes."""
    directory = tmp_path_factory.mktemp("large")
    rows = (f"<urn:{n}> <http://example.org/p> <urn:x> .\n" for n in range(20_000))
    (directory / "large.nt").write_text("".join(rows))
    with Site.create(directory / "large", name="large") as site:
        site.load([directory / "large.nt"])
        site.build_profile()
    path = directory / "federation.toml"
    path.write_text('name = "large"\n[[member]]\nname = "large"\nsite = "large"\n')
    return path


SLOW = """SELECT (COUNT(*) AS ?n) {
  ?a <http://example.org/p> ?x . ?b <http://example.org/p> ?x . ?c <http://example.org/p> ?x }"""


def test_site_service_answers_until_it_is_told_to_stop(built_federation):
    with service("site", "serve", built_federation / "clinic", "--port", "0") as (address, process):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/sparql", address)
        assert ask(address, "ASK { ?s a <http://example.org/Patient> }")["boolean"] is True
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "Serving clinic. Ctrl-C ends it." in errors


def test_federation_service(federation):
    with service("serve", "-f", federation, "--port", "0") as (address, process):
        prefix = "PREFIX ex: <http://example.org/> "
        document = ask(address, prefix + GENES)
        assert len(document["results"]["bindings"]) == 4
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "Serving test (2 members). Ctrl-C ends it." in errors


@pytest.mark.parametrize("kind", ["site", "federation"])
def test_a_port_in_use(run, federation, kind):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        if kind == "site":
            shown = run("site", "serve", federation.parent / "clinic", "--port", port)
        else:
            shown = run("serve", "-f", federation, "--port", port)
    assert (shown.code, shown.output) == (2, "")
    assert f"port {port} on 127.0.0.1 is in use" in shown.errors
    assert "--port" in shown.errors


def test_a_table_on_a_terminal(federation):
    code, written = in_terminal("query", "-f", federation, "-e", GENES)
    assert code == 0
    assert "ex:ann" in written
    assert "4 rows" in written
    assert "Complete" in written


def test_a_plan_on_a_terminal_has_its_counts_in_columns(federation):
    code, written = in_terminal("explain", "-f", federation, "-e", GENES)
    assert code == 0
    lines = written.splitlines()
    assert lines[0].endswith("estimated")
    assert all(len(line) <= 100 for line in lines)


def test_parquet_is_not_written_to_a_terminal(federation):
    code, written = in_terminal("query", "-f", federation, "-e", GENES, "-O", "parquet")
    assert code == 2
    assert "Add -o FILE." in written


def test_no_query_on_a_terminal(federation):
    code, written = in_terminal("query", "-f", federation)
    assert code == 2
    assert "no query was given" in written


def test_ctrl_c_while_members_are_asked(large_site):
    code, written = in_terminal(
        "query", "-f", large_site, "-e", SLOW, interrupt_after=b"waiting for large"
    )
    assert code == 130
    assert "Interrupted." in written
    assert "Traceback" not in written


def test_timeout(run, large_site):
    shown = run("query", "-f", large_site, "-e", SLOW, "--timeout", "0.5")
    assert (shown.code, shown.output) == (1, "")
    assert "member 'large': timeout" in shown.errors
    assert "--timeout SECONDS" in shown.errors


def test_a_pipe_that_closes_early(large_site):
    query = "SELECT * { ?s ?p ?o }"
    command = [*COMMAND, "query", "-q", "-f", str(large_site), "-e", query]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout.readline() == b"?s\t?p\t?o\n"
        process.stdout.close()
        errors = process.stderr.read()
        process.wait(timeout=60)
    assert b"Traceback" not in errors
    assert b"Exception ignored" not in errors
