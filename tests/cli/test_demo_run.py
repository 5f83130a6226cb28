"""The demo's runner: what it shows, that its last words work, that it leaves nothing running."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from endpoints.demo.served_sites import ServiceError, serve_sites

pytestmark = pytest.mark.sockets

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "endpoints.demo.run", "--scale", "0.02", "--directory"]
FEDERATION_PORT = 8080
ENDPOINT = re.compile(r"http://127\.0\.0\.1:(\d+)/sparql")


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("demo") / "sites"


@pytest.fixture(scope="module")
def shown(directory):
    done = subprocess.run(
        [*COMMAND, str(directory)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def are_closed(text):
    """Say whether nothing listens at the endpoints of the sites in a text any more."""
    ports = {int(port) for port in ENDPOINT.findall(text)} - {FEDERATION_PORT}
    for port in ports:
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return False
    return bool(ports)


def test_it_shows_question_plan_answer_and_certificate(shown):
    assert "All persons in this data set are synthetic" in shown
    for number in (1, 2, 3):
        assert f"Question {number}: " in shown
    for words in ("\nPlan\n", "\nAnswer\n", "\nCertificate", "Complete: the exact answer"):
        assert shown.count(words) == 3
    assert shown.count("Answered over HTTP in ") == 3
    assert len(set(ENDPOINT.findall(shown))) == 5
    assert "?phenotype rdfs:label ?name ." in shown


def test_it_fits_a_page_and_has_no_control_codes(shown):
    commands = [line for line in shown.splitlines() if "hkg " in line]
    assert len(commands) == 2
    assert all(len(line) <= 100 for line in shown.splitlines() if line not in commands)
    assert "\x1b" not in shown
    assert "\r" not in shown


def test_it_leaves_nothing_running(shown):
    assert are_closed(shown)


def test_its_last_words_work(shown):
    command = next(line for line in shown.splitlines() if " query -f " in line)
    done = subprocess.run(
        shlex.split(command), capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("?patient\t")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_it_started(shown, directory, number):
    assert shown
    process = subprocess.Popen(
        [*COMMAND, str(directory)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    seen = next(line for line in process.stdout if ENDPOINT.search(line))
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "Traceback" not in errors
    assert are_closed(seen)


def test_a_site_that_cannot_be_served(tmp_path):
    with (
        pytest.raises(ServiceError, match=r"the site ward could not be served: Error: .*nowhere"),
        serve_sites({"ward": tmp_path / "nowhere"}),
    ):
        pass


@pytest.mark.parametrize("scale", ["0", "1.5", "much"])
def test_scales_that_are_none(scale):
    done = subprocess.run(
        [sys.executable, "-m", "endpoints.demo.run", "--scale", scale],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 2
    assert "--scale" in done.stderr
