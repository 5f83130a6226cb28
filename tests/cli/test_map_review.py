"""``hkg map review`` and ``hkg map diff``: from a file of candidates to one that was reviewed."""

import io
import json
import os
import pty
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "semantics"))

from review_files import ADA, HUB, ROWS, write_candidates

from hereditary_kg.cli.review_terminal import run_terminal
from hereditary_kg.semantics.hub_files import write_hub
from hereditary_kg.semantics.review.session import ReviewSession, Surroundings
from hereditary_kg.semantics.sssom import read_mapping_set

COMMAND = [sys.executable, "-m", "hereditary_kg.cli.main", "map", "review"]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "candidates.sssom.tsv"
    write_candidates(path)
    return path


def said(path):
    rows = read_mapping_set(path).rows
    names = [name for name in ("predicate_modifier", "reviewer_label") if name in rows.columns]
    return rows.select("predicate_id", *names).rows()


def test_a_terminal_shows_both_terms_and_takes_keys(path):
    shown = io.StringIO()
    console = Console(file=shown, width=100, markup=False, highlight=False, emoji=False)
    keys = iter("?ebx0uq")
    with ReviewSession(path, Surroundings(HUB, {"MONDO:0004976": 9})) as session:
        run_terminal(session, ADA, console, lambda: next(keys))
        assert session.view(ADA).progress.mine == 2
    screens = shown.getvalue()
    assert "0 of 5 pairs decided" in screens
    assert "9 records with these codes" in screens
    assert "means the same as" in screens
    assert "Others say otherwise" in screens
    assert "Neurodegenerative Disorder NCIT:C4802" in screens
    assert "Saved: amyotrophic lateral sclerosis | Amyotrophic Lateral Sclerosis: exact" in screens
    assert "'x' decides nothing" in screens
    assert "Taken back." in screens
    assert "b broad: the right one is broader" in screens


@pytest.mark.sockets
def test_single_keys_in_a_real_terminal(path):
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, str(path), "--reviewer", "Ada", "--terminal"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=path.parent,
        env={**os.environ, "TERM": "xterm", "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    os.close(slave)
    seen = b""
    for wanted, key in ((b"q quit", b"0"), (b"1 of 5", b"n"), (b"2 of 5", b"q")):
        while wanted not in seen:
            seen += os.read(master, 1 << 14)
        os.write(master, key)
    assert process.wait(60) == 0
    os.close(master)
    decided = [row for row in said(path) if row[2]]
    assert decided == [
        ("skos:exactMatch", "Not", "Ada"),
        ("skos:narrowMatch", None, "Ada"),
    ]


@pytest.mark.sockets
def test_the_page_is_served_until_it_is_ended(path, tmp_path):
    write_hub(HUB, tmp_path / "hub")
    (tmp_path / "counts.tsv").write_text("code\trecords\nMIM:105400\t9\n")
    process = subprocess.Popen(
        [*COMMAND, str(path), "--reviewer", "Ada", "--reviewer", "Bob", "--records", "counts.tsv"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    addresses = dict(process.stdout.readline().strip().split("\t") for _ in range(2))
    assert list(addresses) == ["Ada", "Bob"]
    with urllib.request.urlopen(addresses["Ada"] + "state") as answer:
        item = json.load(answer)["item"]
    sent = {"subject": item["subject"], "object": item["object"], "decision": "broad"}
    request = urllib.request.Request(
        addresses["Ada"] + "decisions",
        json.dumps(sent).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer)["progress"]["settled"] == 1
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "Reviewing 5 pairs" in errors
    assert [row for row in said(path) if row[-1]] == [("skos:broadMatch", "Ada")]


def test_wrong_reviewers_and_files(run, path, tmp_path):
    shown = run("map", "review", str(path), "--reviewer", "0000-0002-1825-0098")
    assert shown.code == 2
    assert "check digit" in shown.errors
    shown = run("map", "review", str(path), "--reviewer", "Ada", "--terminal")
    assert (shown.code, shown.output) == (2, "")
    assert "terminal" in shown.errors
    (tmp_path / "odd.tsv").write_text("code\trecords\nOMIM:1\tmany\n")
    shown = run(
        "map", "review", str(path), "--reviewer", "Ada", "--records", str(tmp_path / "odd.tsv")
    )
    assert shown.code == 2
    assert "odd.tsv (row 2)" in shown.errors


def test_diff(run, path, tmp_path):
    new = tmp_path / "new.sssom.tsv"
    write_candidates(new, [ROWS[0], *((s, t, label, "0.5") for s, t, label, _ in ROWS[2:])])
    (tmp_path / "queries").mkdir()
    query = "SELECT ?s { ?s a <http://purl.obolibrary.org/obo/MONDO_0005144> }"
    (tmp_path / "queries" / "familial.rq").write_text(query)
    (tmp_path / "counts.csv").write_text("NCIT:C34374,12\n")
    arguments = ("--queries", tmp_path / "queries", "--records", tmp_path / "counts.csv")
    arguments = ("map", "diff", path, new, *arguments)
    shown = run(*map(str, arguments))
    assert shown.code == 3
    assert "mapping gone" in shown.output
    assert "MONDO:0005144" in shown.output
    assert "1 of 1 saved queries ask for other codes." in shown.output
    shown = run(*map(str, arguments), "-O", "json")
    told = json.loads(shown.output)
    assert told["counts"] == {"mapping with other confidence": 3, "mapping gone": 1}
    assert told["queries"][0]["lost"] == ["NCIT:C34374"]
    assert told["queries"][0]["records_lost"] == 12
    table = tmp_path / "diff.tsv"
    shown = run(*map(str, arguments), "-O", "tsv", "-o", str(table))
    assert shown.code == 3
    lines = [line.split("\t") for line in table.read_text().splitlines()]
    assert lines[0][:3] == ["change", "id", "label"]
    assert lines[-1][1:2] == ["familial"]
    assert lines[-1][-4:] == ["1", "0", "12", "0"]
    shown = run("map", "diff", str(path), str(path))
    assert shown.code == 0
    assert "No term and no mapping has changed." in shown.output
