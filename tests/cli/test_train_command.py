"""``hkg train`` as its users call it."""

import json

import pytest
from click.testing import CliRunner

from hereditary_kg.cli.main import hkg
from tests.embeddings.small_federations import make_sites

DESCRIPTION = """
name = "ring"
[training]
model = "DistMult"
dimension = 8
negatives = 16
rounds = 3
evaluate_every = 1
"""


@pytest.fixture
def described(tmp_path):
    text = DESCRIPTION
    for site in make_sites():
        path = tmp_path / f"{site.name}.tsv"
        path.write_text("".join("\t".join(t) + "\n" for t in site.split.whole().labels()))
        text += f'[[site]]\nname = "{site.name}"\ntriples = "{path.name}"\n'
    path = tmp_path / "training.toml"
    path.write_text(text)
    return path


def _run(*arguments):
    return CliRunner().invoke(hkg, ["train", *map(str, arguments)])


def test_models_curves_and_a_report_are_written(described):
    result = _run("-c", described)
    assert result.exit_code == 0, result.output
    assert "site-2" in result.stdout
    output = described.parent / "ring"
    for name in ("report.json", "rounds.csv", "curves.svg", "models/site-0/vectors.safetensors"):
        assert (output / name).exists()
        assert name.partition("/")[0] in result.stderr
    assert json.loads((output / "report.json").read_text())["plan"]["rounds"] == 3


def test_output_rounds_and_seed_can_be_given(described, tmp_path):
    result = _run("-c", described, "-o", tmp_path / "else", "--rounds", "1", "--seed", "7", "-q")
    assert result.exit_code == 0, result.output
    plan = json.loads((tmp_path / "else" / "report.json").read_text())["plan"]
    assert (plan["rounds"], plan["seed"]) == (1, 7)
    assert result.stderr == ""


def test_what_is_spent_stands_beside_the_metrics(described):
    private = described.read_text().replace("rounds = 3", "rounds = 3\nepsilon = 2.0")
    described.write_text(private)
    result = _run("-c", described)
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[0][-1] == "epsilon"
    spent = [float(row[-1]) for row in rows if row and row[0].startswith("site-")]
    assert len(spent) == 3
    assert all(1.9 < each <= 2.0 for each in spent)
    assert "for a triple, of 2, at delta 1e-05" in result.stdout


def test_a_dry_run_shows_the_sites_and_writes_nothing(described):
    result = _run("-c", described, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "site-1" in result.stdout
    assert not (described.parent / "ring").exists()


def test_a_wrong_description_is_a_wrong_input(described):
    described.write_text(described.read_text().replace("rounds = 3", "round = 3"))
    result = _run("-c", described)
    assert result.exit_code == 2
    assert "training.toml:7" in result.stderr
    assert "rounds" in result.stderr
    assert "Traceback" not in result.stderr
