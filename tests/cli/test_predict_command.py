"""``hkg predict`` as its users call it."""

import io
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyoxigraph
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "embeddings"))
from small_models import ring_model

from hereditary_kg.embeddings.alignment_keys import create_alignment_key, local_alignment_key
from hereditary_kg.embeddings.known_links import publish_known_links
from hereditary_kg.embeddings.label_kinds import Namespaces
from hereditary_kg.embeddings.saved_models import save_model
from hereditary_kg.embeddings.triples import TripleSet

RELATION = ("--relation", "relation:next")
ONE = (*RELATION, "--head", "term:3", "--tail-namespace", "term:")
MISSING = ("term:3", "relation:next", "term:4")


@pytest.fixture
def model(tmp_path):
    save_model(ring_model(), tmp_path / "clinic")
    return tmp_path / "clinic"


def _read(content):
    return pl.read_csv(io.BytesIO(content), separator="\t", quote_char=None)


def test_into_a_pipe_goes_tab_separated_text(run, model):
    done = run("predict", model, *ONE, "-k", "3")
    assert (done.code, done.errors) == (0, "")
    frame = _read(done.content)
    assert frame.select("head", "relation", "tail").row(0) == MISSING
    assert frame["rank"].to_list() == [1, 2, 3]
    assert frame["model"].unique().to_list() == ["ring/clinic"]
    assert "term:2 term:3 0.866" in frame["nearest"][0]


def test_a_tail_and_no_end_can_be_asked_for(run, model):
    tail = run("predict", model, *RELATION, "--tail", "<term:4>", "--head-namespace", "term:")
    assert _read(tail.content).select("head", "relation", "tail").row(0) == MISSING
    both = run(
        *("predict", model, *RELATION, "-k", "2"),
        *("--head-namespace", "term:", "--tail-namespace", "term:"),
    )
    assert MISSING in list(_read(both.content).select("head", "relation", "tail").iter_rows())


def test_a_table_shows_links_and_why(run, model, tmp_path):
    done = run("predict", model, *ONE, "-O", "table")
    assert done.code == 0
    for told in ("probability", "term:3 → term:4", "alike term:", "-relation:near→ term:11 ←rel"):
        assert told in done.output
    written = run("predict", model, *ONE, "-o", tmp_path / "links.txt")
    assert (written.code, written.output) == (0, "")
    assert (tmp_path / "links.txt").read_text() == done.output


def test_a_table_shows_names_and_fits_its_width(run, tmp_path):
    names = {"term:3": "the third [bold]term\x1b[2J", "term:4": "fourth " * 30, "term:11": "last"}
    save_model(replace(ring_model(), names=names), tmp_path / "named")
    done = run("predict", tmp_path / "named", *ONE, "-O", "table")
    assert done.code == 0
    assert "the third [bold]term [2J term:3 → fourth fourth" in done.output
    assert "-relation:near→ last ←relation:near-" in done.output
    assert max(map(len, done.output.splitlines())) <= 100
    assert "\x1b" not in done.output
    frame = _read(run("predict", tmp_path / "named", *ONE).content)
    assert frame["head_name"][0] == "the third [bold]term\x1b[2J"
    assert frame["tail_name"][0] == ("fourth " * 30).strip()


def test_parquet_and_rdf_are_written(run, model, tmp_path):
    for name in ("links.parquet", "links.nt", "links.ttl", "links.tsv"):
        done = run("predict", model, *ONE, "-o", tmp_path / name)
        assert (done.code, done.output) == (0, ""), done.errors
    assert pl.read_parquet(tmp_path / "links.parquet")["tail"][0] == "term:4"
    graphs = [
        set(pyoxigraph.parse(path=str(tmp_path / name))) for name in ("links.nt", "links.ttl")
    ]
    assert graphs[0] == graphs[1]
    assert run("predict", model, *ONE, "-O", "rdf").output == (tmp_path / "links.nt").read_text()


def test_several_models_are_shown_beside_an_ensemble(run, model, tmp_path):
    save_model(ring_model(site="registry"), tmp_path / "registry")
    done = run("predict", model, tmp_path / "registry", *ONE, "-k", "2")
    assert _read(done.content)["model"].to_list() == [
        *["ring/clinic"] * 2,
        *["ring/registry"] * 2,
        *["ensemble"] * 2,
    ]
    save_model(ring_model(), tmp_path / "again")
    same = run("predict", model, tmp_path / "again", *ONE, "-k", "1", "--ensemble", "fusion")
    assert _read(same.content)["model"].to_list() == [
        str(model),
        str(tmp_path / "again"),
        "ensemble",
    ]
    twice = run("predict", model, model, *ONE)
    assert (twice.code, "twice" in twice.errors) == (2, True)


def test_a_model_that_knows_something_else_is_left_out(run, model, tmp_path):
    saved = ring_model(site="registry")
    labels = [(head, f"other:{relation}", tail) for head, relation, tail in saved.known.labels()]
    other = replace(saved, known=TripleSet.from_labels(labels))
    save_model(other, tmp_path / "registry")
    done = run("predict", tmp_path / "registry", model, *ONE, "-k", "2")
    assert done.code == 0
    assert _read(done.content)["model"].to_list() == [*["ring/clinic"] * 2, *["ensemble"] * 2]
    assert done.errors == "ring/registry: it doesn't know what is asked for, and is left out.\n"
    assert run("predict", tmp_path / "registry", *ONE).code == 2


def test_persons_are_shown_on_request_alone(run, model):
    asked = ("predict", model, "--relation", "relation:has", "-k", "99")
    done = run(*asked)
    assert done.code == 0
    assert "person" not in done.output + done.errors
    assert "person:1" in run(*asked, "--local").output
    assert run(*asked, "--head", "person:0").code == 2
    assert run(*asked, "--head", "person:0", "--local").code == 0


def test_what_other_sites_know_is_left_out(run, model, tmp_path):
    elsewhere = TripleSet.from_labels([MISSING])
    namespaces = Namespaces(("term:", "relation:"))
    key = create_alignment_key(tmp_path / "sites.key")
    for name, used in (("here", local_alignment_key("ring", 0)), ("there", key)):
        links = publish_known_links(elsewhere, namespaces, used, "ring")
        links.write(tmp_path / f"{name}.links")
    done = run("predict", model, *ONE, "-k", "1", "--known", tmp_path / "here.links")
    assert done.code == 0
    assert "term:4" not in _read(done.content)["tail"].to_list()
    known = ("--known", tmp_path / "there.links")
    refused = run("predict", model, *ONE, *known)
    assert (refused.code, "another key" in refused.errors) == (2, True)
    done = run("predict", model, *ONE, "-k", "1", *known, "--key", tmp_path / "sites.key")
    assert "term:4" not in _read(done.content)["tail"].to_list()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--relation", "relation:nxt"), "relation:next"),
        ((*RELATION, "--head", "term:44"), "term:4"),
        ((*RELATION, "--head", "term:1", "--tail", "term:2"), "not both"),
        ((*ONE, "-o", "links.docx"), "Add -O"),
        ((*ONE, "--known", "nowhere.links"), "nowhere.links"),
        ((), "--relation"),
    ],
)
def test_wrong_input_is_told(run, model, arguments, told):
    done = run("predict", model, *arguments)
    assert done.code == 2
    assert told in done.errors
    assert done.output == ""


def test_no_model_is_told(run, tmp_path):
    done = run("predict", tmp_path, *ONE)
    assert done.code == 2
    assert "there is no model" in done.errors


def test_what_a_model_lacks_is_said(run, tmp_path):
    about = {"calibration": None}
    save_model(ring_model(**about), tmp_path / "plain")
    done = run("predict", tmp_path / "plain", *ONE, "-k", "50")
    assert done.code == 0
    assert "no probabilities" in done.errors
    assert "11 links; there are no more" in done.errors
    assert _read(done.content)["probability"].null_count() == 11
    assert run("predict", tmp_path / "plain", *ONE, "-q").errors == ""
