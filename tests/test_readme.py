"""Code blocks marked ``run`` work as they stand, one after the other: the README's and a page's."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

HOME = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(sh|python) run\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _run_blocks(
    page: str,
    languages: list[str],
    directory: Path,
    changes: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """Run a page's blocks in a directory, with some words changed, and give what they write."""
    text = (HOME / page).read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    blocks = BLOCK.findall(text)
    assert [language for language, _ in blocks] == languages
    folder = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": folder + os.pathsep + os.environ["PATH"]}
    outputs = []
    for language, code in blocks:
        command = ["bash", "-e", "-c", code] if language == "sh" else [sys.executable, "-c", code]
        done = subprocess.run(
            command, cwd=directory, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
        outputs.append(done.stdout)
    return outputs


def test_the_quick_start_works_in_a_fresh_directory(tmp_path):
    outputs = _run_blocks("README.md", ["sh", "sh", "python"], tmp_path)
    assert outputs[1].count("Bulbar palsy") == 2
    assert "CHCHD10" in outputs[1]
    assert "Complete" in outputs[2]


def test_the_curators_page_works_in_a_fresh_directory(tmp_path):
    languages = ["sh"] * 7 + ["python"] + ["sh"] * 4
    outputs = _run_blocks("docs/curators.md", languages, tmp_path)
    imported, shown, converted, others, genes, matched = outputs[:6]
    assert "5 mappings of 1 mapping sets." in imported
    assert (tmp_path / "findings.tsv").read_text() == "kind\tfile\tline\trow\ttext\n"
    assert "https://example.org/mondo.sssom.tsv#3" in shown.replace("\n", "").replace(" ", "")
    assert "p1\tNCIT:C34373\tOMIM:105400\tbroader 1\t" in converted
    assert "p3\tNCIT:C34373\tMONDO:0000009\texact\t" in converted
    assert "p4\tOMIM:123456\tOMIM:123456\tunknown\t" in converted
    assert "annotatedSource" in others
    assert '"id":"NCIT:C34373","label":"Amyotrophic Lateral Sclerosis"' in others
    assert genes.endswith("gene\tdisease\nGBA1\tx\nPRKN\ty\nPRKN\tz\n")
    reviewed, _, drift, answer = outputs[8:]
    last = (tmp_path / "again.sssom.tsv").read_text().splitlines()[-1]
    assert last.startswith("subject_id"), "what was decided is proposed again"
    assert "term gone, replaced\tMONDO:0007103\t" in drift
    assert answer.split()[:4] == ["patients", "0", "patients", "2"]
    page = _words(_shown_by("docs/curators.md"))
    assert not [told for told in (matched, *outputs[8:]) if _words(told) not in page]
    assert reviewed.count("\tNot\n") == 1


def test_the_page_on_link_prediction_works_in_a_fresh_directory(tmp_path):
    trained, predicted, private, _, from_python = _run_blocks(
        "docs/link-prediction.md", ["sh", "sh", "sh", "sh", "python"], tmp_path
    )
    assert "registry" in trained
    rows = [line.split("\t") for line in predicted.splitlines()]
    assert len(rows) == 6
    # Genes of the disease's own group come first, of which there are 8 among 64.
    assert {row[2].rpartition("/")[2] for row in rows[1:4]} <= set("01234567")
    assert "person" not in predicted
    assert "spent for a person, of 4, at delta 1e-05" in private
    assert private.count('"unit": "person"') == 4
    assert from_python.count("http://example.org/gene/") == 5
    assert b"rdf:Statement" in (tmp_path / "links.ttl").read_bytes()
    card = (tmp_path / "links/models/clinic/MODEL_CARD.md").read_text()
    assert "80 local to the site" in card


@pytest.mark.sockets
@pytest.mark.timeout(300)
def test_the_page_on_deployment_works_in_a_fresh_directory(tmp_path):
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        port = str(taken.getsockname()[1])
    # Sites that nobody calls end, so that a broken page leaves no process behind.
    changes = {":7443": f":{port}", "--runs 1)": "--runs 1 --patience 120)"}
    outputs = _run_blocks("docs/federated-learning-deployment.md", ["sh"] * 10, tmp_path, changes)
    trained, predicted = outputs[-2:]
    assert "over clinic, registry." in trained
    assert predicted.count("http://example.org/disease/0") >= 5
    keys = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.key")}
    assert keys == {
        "authority/authority.key",
        "server/server.key",
        "clinic/clinic.key",
        "registry/registry.key",
        "clinic/alignment.key",
        "registry/alignment.key",
    }
    for site in ("clinic", "registry"):
        assert (tmp_path / site / f"output/links/models/{site}/MODEL_CARD.md").exists()
        assert (tmp_path / site / "outgoing.jsonl").exists()
        assert list((tmp_path / "server/links/tensorboard" / site).iterdir())
    told = b"".join(
        path.read_bytes() for path in (tmp_path / "server").rglob("*") if path.is_file()
    )
    assert b"http://example.org/" not in told


def _shown_by(page: str) -> str:
    """Give what a page shows of output."""
    text = (HOME / page).read_text(encoding="utf-8")
    return "\n".join(re.findall(r"^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


def _words(text: str) -> str:
    return " ".join(text.split())
