"""A run from its description to models on disk, over triples and over site directories."""

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_federations import make_sites

from hereditary_kg.embeddings.errors import EmbeddingError, SelectionError, TrainingError
from hereditary_kg.embeddings.saved_models import load_model
from hereditary_kg.embeddings.training_description import read_training_description
from hereditary_kg.embeddings.training_run import RunProgress, train_here
from hereditary_kg.sites import Site

TRAINING = """
[training]
model = "DistMult"
dimension = 8
negatives = 16
batch_size = 64
rounds = 4
evaluate_every = 2
"""


def _describe(directory: Path, *more: str, training: str = TRAINING) -> Path:
    lines = ['name = "ring"', *[m for m in more if not m.startswith("[")], training]
    for site in make_sites():
        path = directory / f"{site.name}.tsv"
        path.write_text("".join("\t".join(t) + "\n" for t in site.split.whole().labels()))
        lines.append(f'[[site]]\nname = "{site.name}"\ntriples = "{path.name}"\n')
    lines += [m for m in more if m.startswith("[")]
    path = directory / "training.toml"
    path.write_text("\n".join(lines))
    return path


def test_a_run_leaves_models_and_a_report(tmp_path):
    told = {"read": [], "round": [], "answered": []}
    progress = RunProgress(
        read=told["read"].append,
        round=told["round"].append,
        answered=lambda *what: told["answered"].append(what),
    )
    run = train_here(read_training_description(_describe(tmp_path)), progress)
    assert [site.name for site in told["read"]] == ["site-0", "site-1", "site-2"]
    assert len(told["round"]) == 5
    assert told["answered"].count(("site-1", "train")) == 4
    output = tmp_path / "ring"
    for name, model in run.models.items():
        kept = load_model(output / "models" / name)
        assert torch.equal(kept.model.entities, model.model.entities)
        assert kept.about["site"] == name
        assert kept.about["plan"]["secure"] is True
        assert kept.about["result"]["kept"] == "federated"
    report = json.loads((output / "report.json").read_text())
    assert report["test_mean_reciprocal_rank"] == pytest.approx(
        run.report.mean("mean_reciprocal_rank")
    )
    assert "shared" in report["sites"][0]["shared"]
    rows = list(csv.DictReader((output / "rounds.csv").read_text().splitlines()))
    assert {row["site"] for row in rows} == set(run.models)
    assert [row["round"] for row in rows if row["site"] == "site-0"] == ["1", "2", "3", "4", "5"]
    svg = (output / "curves.svg").read_text()
    assert svg.count("site-0") >= 1
    assert all(path.exists() for path in run.files)
    for name in run.models:
        left = (output / "outgoing" / f"{name}.jsonl").read_text()
        lines = [json.loads(line) for line in left.splitlines()]
        assert {line["site"] for line in lines} == {name}
        assert [line["type"] for line in lines].count("train") == 4
        assert all(line["bytes"] > 0 for line in lines)
        # Of the site's 26 entities the 24 shared ones are sent a round, in sums.
        assert "person" not in left
        assert "term:" not in left


def test_the_same_run_is_the_same_files(tmp_path):
    written = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        train_here(read_training_description(_describe(tmp_path / name)))
        output = tmp_path / name / "ring"
        written.append(
            [(output / file).read_bytes() for file in ("rounds.csv", "report.json", "curves.svg")]
        )
    assert written[0] == written[1]


def test_a_site_keeps_the_better_of_both_models(tmp_path):
    description = _describe(
        tmp_path, training=TRAINING.replace("rounds = 4", "rounds = 4\nfallback = true")
    )
    run = train_here(read_training_description(description))
    for site in run.report.sites:
        assert set(site.alone) == set(site.testing)
        assert site.kept in ("federated", "alone")
    assert math.isfinite(run.report.mean("mean_reciprocal_rank", alone=True))


def test_site_directories_are_trained_on(tmp_path):
    base = "http://example.org/"
    for number in range(2):
        site = Site.create(tmp_path / f"s{number}", base_iri=f"{base}s{number}/")
        lines = [f"<{base}t/{i}> <{base}v/next> <{base}t/{(i + 1) % 20}> ." for i in range(20)]
        lines += [f'<{base}t/{i}> <{base}v/next> "literal" .' for i in range(2)]
        lines += [f"<{base}s{number}/p{i}> <{base}v/has> <{base}t/{i}> ." for i in range(8)]
        data = tmp_path / f"s{number}.nt"
        data.write_text("\n".join(lines))
        with site:
            site.load([data])
    path = tmp_path / "training.toml"
    path.write_text(
        'name = "stores"\noutput = "out"\n'
        + TRAINING
        + f'[selection]\nshared_namespaces = ["{base}t/", "{base}v/"]\n'
        + f'[[selection.links]]\npredicates = ["{base}v/next", "{base}v/has"]\n'
        + "".join(f'[[site]]\nname = "s{n}"\ndirectory = "s{n}"\n' for n in range(2))
    )
    run = train_here(read_training_description(path))
    assert [site.shared for site in run.report.sites] == [{"local": 8, "shared": 20}] * 2
    known = run.models["s0"].known
    assert not any("literal" in label for label in known.entities)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"rounds = 4": "rounds = 0"}, "rounds"),
        ({"rounds = 4": "round = 4"}, "did you mean 'rounds'"),
        ({"rounds = 4": 'rounds = "4"'}, "a whole number"),
        ({'model = "DistMult"': 'model = "DistMul"'}, "DistMult"),
        ({"rounds = 4": 'strategy = "fedd"'}, "FedE"),
        ({'name = "ring"': 'name = "../ring"'}, "letters"),
        ({'name = "site-1"': 'name = "site-0"'}, "several are called site-0"),
        ({'triples = "site-1.tsv"': ""}, "one of both"),
        ({'triples = "site-1.tsv"': 'directory = "x"'}, "selection"),
    ],
)
def test_a_wrong_description_is_told_by_file_and_line(tmp_path, change, told):
    path = _describe(tmp_path)
    text = path.read_text()
    for old, new in change.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    with pytest.raises((TrainingError, SelectionError), match=rf"training\.toml:\d+.*{told}"):
        read_training_description(path)


def test_no_toml_is_told(tmp_path):
    path = tmp_path / "training.toml"
    with pytest.raises(TrainingError, match="cannot be read"):
        read_training_description(path)
    path.write_text("name = ")
    with pytest.raises(TrainingError, match="TOML"):
        read_training_description(path)


def test_a_missing_file_of_triples_is_told(tmp_path):
    path = _describe(tmp_path)
    (tmp_path / "site-1.tsv").unlink()
    with pytest.raises(EmbeddingError, match=r"site-1\.tsv"):
        train_here(read_training_description(path))


@pytest.mark.parametrize("secure", [True, False])
@pytest.mark.parametrize("strategy", ["entities", "sparsified"])
def test_a_run_that_was_broken_off_ends_as_if_it_had_not_been(tmp_path, secure, strategy):
    training = f'{TRAINING}strategy = "{strategy}"\nsecure = {str(secure).lower()}\n'
    ended = []
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
        description = read_training_description(_describe(tmp_path / name, training=training))

        def break_off(summary, name=name):
            if name == "broken" and summary.number == 3:
                raise KeyboardInterrupt

        try:
            run = train_here(description, RunProgress(round=break_off))
        except KeyboardInterrupt:
            told = []
            run = train_here(description, RunProgress(round=told.append))
            # What was told of round 3 was not kept yet, so it is trained again.
            assert [summary.number for summary in told] == [3, 4, 5]
        ended.append(run)
    whole, broken = ended
    assert [s.number for s in broken.report.rounds] == [1, 2, 3, 4, 5]
    tolerance = 1e-3 if secure else 1e-6
    for name, model in whole.models.items():
        again = broken.models[name].model
        assert torch.allclose(again.entities, model.model.entities, atol=tolerance)
        assert torch.allclose(again.relations, model.model.relations, atol=tolerance)


def test_another_plan_begins_anew(tmp_path):
    description = read_training_description(_describe(tmp_path))

    def break_off(summary):
        if summary.number == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_here(description, RunProgress(round=break_off))
    told = []
    other = replace(description, plan=replace(description.plan, learning_rate=0.2))
    train_here(other, RunProgress(round=told.append))
    assert [summary.number for summary in told] == [1, 2, 3, 4, 5]
