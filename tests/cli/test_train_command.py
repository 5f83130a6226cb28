"""``hkg train`` as its users call it."""

import json

import pytest
from click.testing import CliRunner

from hereditary_kg.cli.main import hkg
from hereditary_kg.embeddings.grids.certificates import Authority, fingerprint
from tests.embeddings.site_files import write_sites
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
    for name in (
        "report.json",
        "rounds.csv",
        "curves.svg",
        "tensorboard/site-0",
        "models/site-0/vectors.safetensors",
    ):
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
    described.write_text(private.replace("rounds = 3", "rounds = 2"))
    again = _run("-c", described)
    assert again.exit_code == 3
    assert "site-1 trained nothing in 2 rounds" in again.stderr


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


def test_a_run_for_flower_can_be_written_and_started_otherwise(described):
    place = described.parent
    write_sites(place, "127.0.0.1:1")
    flower = ("-c", described, "--flower", place / "flower.toml")
    result = _run(*flower, "--peers", place / "peers", "--dry-run")
    assert result.exit_code == 0, result.output
    bundle = place / "ring" / "flower-bundle"
    assert f"Wrote {bundle}; flwr run starts it." in " ".join(result.stderr.split())
    assert [path.name for path in bundle.iterdir()] == ["pyproject.toml"]
    assert "BEGIN CERTIFICATE" in (place / "ring" / "flower-server.json").read_text()
    result = _run(*flower, "--dry-run")
    assert result.exit_code == 2
    assert "--peers" in result.stderr
    path = place / "flower.toml"
    path.write_text(path.read_text().replace('"site-0", "site-1", ', ""))
    result = _run(*flower, "--dry-run")
    assert result.exit_code == 2
    assert "1 of at least 2 sites are on the list" in result.stderr
    result = _run(*flower, "--serve", place / "server.toml")
    assert result.exit_code == 2
    assert "Give one of both" in result.stderr


@pytest.mark.parametrize(
    ("listed", "told", "hint"),
    [
        (1, "1 of at least 2 sites are on the list", "-O toml"),
        (2, "certificates", "--peers"),
    ],
)
def test_what_a_server_lacks_is_told_before_it_waits(tmp_path, listed, told, hint):
    authority = Authority.create("Trial")
    authority.write(tmp_path)
    authority.write_identity(authority.issue_server(["localhost"]), tmp_path, "server")
    text = 'listen = "localhost:0"\ncertificate = "server.pem"\nkey = "server.key"\n'
    text += 'authority = "authority.pem"\n'
    for number in range(listed):
        mark = fingerprint(authority.issue_site(f"site-{number}").certificate)
        text += f'[sites.site-{number}]\nfingerprint = "{mark}"\n'
    (tmp_path / "server.toml").write_text(text)
    (tmp_path / "training.toml").write_text(DESCRIPTION)
    result = _run("-c", tmp_path / "training.toml", "--serve", tmp_path / "server.toml")
    assert result.exit_code == 2
    assert told in result.stderr
    assert hint in result.stderr
    assert "Waiting" not in result.stderr
