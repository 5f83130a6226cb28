"""A hub on disk: the same bytes for the same input, and never half of one."""

import random
import resource
import subprocess
import sys
import time
from dataclasses import replace

import orjson
import polars as pl
import pytest
from small_hub import HGNC, HUB, MONDO, SET, mapping_rows

from hereditary_kg.semantics.conversion import Converter
from hereditary_kg.semantics.errors import HubError, HubWriteError
from hereditary_kg.semantics.expansion import Census
from hereditary_kg.semantics.hub import MAPPINGS, Hub
from hereditary_kg.semantics.hub_building import Material, build_hub
from hereditary_kg.semantics.hub_files import open_hub, write_hub
from hereditary_kg.semantics.terminology import PARTS


def _content(directory):
    return {each.name: each.read_bytes() for each in directory.iterdir()}


def _assert_same(one: Hub, other: Hub):
    assert one.terminologies.keys() == other.terminologies.keys()
    for name, first in one.terminologies.items():
        second = other.terminologies[name]
        for facts in ("version", "title", "licence", "source"):
            assert getattr(first, facts) == getattr(second, facts)
        for kind in ("terms", "synonyms", "edges", "parts"):
            assert getattr(first.sorted(), kind).equals(getattr(second.sorted(), kind))
    assert one.mappings.equals(other.mappings)
    assert (one.sources, one.labels) == (other.sources, other.labels)


def test_what_was_written_is_read(tmp_path):
    write_hub(HUB, tmp_path / "deep" / "hub")
    _assert_same(open_hub(tmp_path / "deep" / "hub"), HUB)


def test_parts_are_kept_and_no_kind_of_their_whole(tmp_path):
    parts = pl.DataFrame([("MONDO:0000005", "MONDO:0004976")], schema=PARTS, orient="row")
    hub = Hub({"MONDO": replace(MONDO, parts=parts)})
    write_hub(hub, tmp_path)
    read = open_hub(tmp_path)
    _assert_same(read, hub)
    assert read.wholes("MONDO:0000005") == ["MONDO:0004976"]
    assert "MONDO:0000005" not in read.descendants("MONDO:0004976")
    assert not list(read.broader("MONDO:0000005"))
    assert Census(read, ["MONDO:0000005"]).expand("MONDO:0004976").codes == ()


def test_an_empty_hub(tmp_path):
    write_hub(Hub(), tmp_path / "hub")
    _assert_same(open_hub(tmp_path / "hub"), Hub())


def test_the_index_says_what_went_in(tmp_path):
    write_hub(HUB, tmp_path)
    index = orjson.loads((tmp_path / "hub.json").read_bytes())
    assert index["format"] == 2
    mondo = next(each for each in index["terminologies"] if each["name"] == "MONDO")
    assert mondo["version"] == "2026-05-05"
    assert (mondo["terms"], mondo["licence"], mondo["source"]) == (7, "CC BY 4.0", "mondo.obo")
    assert index["mapping_sets"][SET]["version"] == "1"
    assert index["files"]["mappings"]["rows"] == HUB.mappings.height


def test_the_order_of_input_makes_no_difference(tmp_path):
    rows = [(f"MONDO:{n:07}", "skos:exactMatch", f"OMIM:{n % 700:06}") for n in range(1000)]
    other = mapping_rows(rows[:300], "https://example.org/other")
    materials = [
        Material([MONDO]),
        Material([HGNC]),
        Material([replace(MONDO, version="2025-02-04", source="old.obo")]),
        Material(mappings=mapping_rows(rows), sources={SET: {"title": "x"}}),
        Material(mappings=other.with_columns(confidence=None), labels={"OMIM:000001": "b"}),
        Material(mappings=mapping_rows(rows[100:200]), labels={"OMIM:000001": "a"}),
    ]
    wholes = set()
    for attempt in range(6):
        mixed = [
            replace(each, mappings=each.mappings.sample(fraction=1, shuffle=True, seed=attempt))
            for each in random.Random(attempt).sample(materials, len(materials))
        ]
        built = build_hub(mixed)
        write_hub(built.hub, tmp_path / str(attempt))
        wholes.add(tuple(sorted(_content(tmp_path / str(attempt)).items())))
    assert len(wholes) == 1
    assert open_hub(tmp_path / "0").labels["OMIM:000001"] == "a"


def test_what_lies_under_a_null_does_not_reach_the_file(tmp_path):
    plain = mapping_rows([("A:1", "skos:exactMatch", "B:1")]).with_columns(
        confidence=pl.lit(None, pl.Float64)
    )
    hidden = mapping_rows([("A:1", "skos:exactMatch", "B:1")]).with_columns(
        confidence=pl.when(pl.col("confidence") > 1).then("confidence")
    )
    for name, mappings in (("plain", plain), ("hidden", hidden)):
        write_hub(Hub(mappings=mappings), tmp_path / name)
    assert _content(tmp_path / "plain") == _content(tmp_path / "hidden")


def test_a_new_hub_takes_the_place_of_the_old_one(tmp_path):
    write_hub(Hub({"HGNC": HGNC}), tmp_path)
    (tmp_path / "terms-0.arrow.part").write_bytes(b"left by one that was killed")
    write_hub(HUB, tmp_path)
    _assert_same(open_hub(tmp_path), HUB)
    names = {
        each["name"]
        for each in orjson.loads((tmp_path / "hub.json").read_bytes())["files"].values()
    }
    assert {each.name for each in tmp_path.iterdir()} == names | {"hub.json"}


def test_a_directory_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(HubError, match=r"thesis\.tex.*another directory"):
        write_hub(HUB, tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.tex"]


_WRITE = """
import resource, signal, sys
from pathlib import Path
sys.path[:0] = {paths!r}
from small_hub import HUB
from hereditary_kg.semantics.errors import HubWriteError
from hereditary_kg.semantics.hub_files import write_hub
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    write_hub(HUB, Path({directory!r}))
except HubWriteError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("limit", [0, 100, 1000, 2000])
@pytest.mark.parametrize("before", [True, False])
def test_a_full_disk_leaves_the_old_hub(tmp_path, limit, before):
    directory = tmp_path / "hub"
    directory.mkdir()
    if before:
        write_hub(Hub({"HGNC": HGNC}), directory)
    old = _content(directory)
    code = _WRITE.format(paths=sys.path, limit=limit, directory=str(directory))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "cannot be written: File too large. What was there is as it was." in done.stderr
    assert _content(directory) == old
    # The limit was this process's neighbour's only.
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != limit


_LOOP = """
import sys
from pathlib import Path
sys.path[:0] = {paths!r}
from small_hub import HGNC, HUB
from hereditary_kg.semantics.hub import Hub
from hereditary_kg.semantics.hub_files import write_hub
print("ready", flush=True)
while True:
    write_hub(Hub({{"HGNC": HGNC}}), Path({directory!r}))
    write_hub(HUB, Path({directory!r}))
"""


def test_a_killed_writer_leaves_a_whole_hub(tmp_path):
    write_hub(HUB, tmp_path)
    code = _LOOP.format(paths=sys.path, directory=str(tmp_path))
    for attempt in range(5):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        try:
            process.stdout.readline()
            for _ in range(10):
                # Readers meet a whole hub while it is being replaced.
                assert "HGNC" in open_hub(tmp_path).terminologies
            time.sleep(0.02 * attempt)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        assert open_hub(tmp_path).terminologies.keys() in ({"HGNC"}, {"HGNC", "MONDO"})
    write_hub(HUB, tmp_path)
    _assert_same(open_hub(tmp_path), HUB)


def test_there_is_no_hub(tmp_path):
    with pytest.raises(HubError, match=r"there is no hub\. `hkg map import FILE"):
        open_hub(tmp_path / "none")
    (tmp_path / "file").write_text("x")
    with pytest.raises(HubError, match="there is no hub"):
        open_hub(tmp_path / "file")


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("hub.json", lambda text: text[:100], r"hub\.json is damaged.*hkg map import"),
        ("hub.json", lambda text: b"[]", r"hub\.json is damaged"),
        ("hub.json", lambda text: b'{"format": 2}', r"hub\.json is damaged"),
        ("hub.json", lambda text: text.replace(b'"terms": 7', b'"terms": 8'), "is damaged"),
        (
            "hub.json",
            lambda text: text.replace(b'"format": 2', b'"format": 0'),
            "has format 0, and this version reads 2.*hkg map import",
        ),
        ("mappings", lambda text: text[:-1], "checksum.*hkg map import"),
        ("terms", lambda text: text[:50] + b"!" + text[51:], "checksum"),
        ("edges", None, "edges-.* is missing.*hkg map import"),
    ],
)
def test_a_damaged_hub_says_what_to_do(tmp_path, name, change, words):
    write_hub(HUB, tmp_path)
    path = next(each for each in tmp_path.iterdir() if each.name.startswith(name))
    if change is None:
        path.unlink()
    else:
        changed = change(path.read_bytes())
        assert changed != path.read_bytes()
        path.write_bytes(changed)
    with pytest.raises(HubError, match=words):
        open_hub(tmp_path)
    # Writing it anew mends it.
    write_hub(HUB, tmp_path)
    _assert_same(open_hub(tmp_path), HUB)


def test_a_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(HubWriteError, match="cannot be written"):
        write_hub(HUB, tmp_path / "file" / "hub")


def test_many_rows(tmp_path):
    rows = [(f"MONDO:{n:07}", "skos:exactMatch", f"OMIM:{n:06}") for n in range(107_000)]
    hub = Hub(mappings=mapping_rows(rows))
    write_hub(hub, tmp_path)
    assert sum(each.stat().st_size for each in tmp_path.iterdir()) < 4_000_000
    opened = open_hub(tmp_path)
    assert opened.mappings.equals(hub.mappings)
    assert opened.mappings.schema == MAPPINGS
    assert Converter(opened, "OMIM").convert("MONDO:0000042")[0].target == "OMIM:000042"


def test_nulls_and_repeated_texts(tmp_path):
    rows = [(f"MONDO:{n:07}", "skos:exactMatch", f"OMIM:{n:06}") for n in range(500)]
    author = pl.when(pl.int_range(pl.len()) % 3 > 0).then(pl.lit("orcid:1"))
    mappings = mapping_rows(rows).with_columns(author=author)
    write_hub(Hub(mappings=mappings), tmp_path)
    opened = open_hub(tmp_path).mappings
    assert opened.equals(mappings)
    assert opened.schema == MAPPINGS
