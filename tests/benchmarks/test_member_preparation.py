import hashlib
from pathlib import Path

import pytest
from tiny_benchmark import EX, TinyBenchmark

from benchmarks.federation import preparation
from benchmarks.federation.members import write_description
from benchmarks.federation.preparation import prepare_members
from hereditary_kg.federation.description import read_description
from hereditary_kg.sites.profile import Profile


class ChangedBenchmark(TinyBenchmark):
    shared_namespaces = (EX, "http://other.example/")


def test_members_are_loaded_profiled_and_known_by_their_triples(tiny_prepared):
    assert tiny_prepared.triples == {"people-0": 4, "people-1": 2, "towns": 2, "copy": 2}
    profile = Profile.from_json(tiny_prepared.profile("towns").read_bytes())
    assert list(profile.predicates) == [f"{EX}country"]
    assert len(tiny_prepared.merge()) == 8
    assert len(tiny_prepared.merge(2)) == 6
    holders = tiny_prepared.holdings().filter(s=f"<{EX}ada>", p=f"<{EX}name>")
    assert sorted(holders["member"]) == ["copy", "people-0"]


def test_the_description_names_urls_and_profiles(tiny_prepared, tmp_path):
    urls = {name: f"http://127.0.0.1:1/{name}" for name in tiny_prepared.triples}
    path = write_description(tiny_prepared, urls, tmp_path / "federation.toml")
    members = {member.name: member for member in read_description(path).members}
    assert {name: member.url for name, member in members.items()} == urls
    assert members["copy"].profile == tiny_prepared.profile("copy").resolve()


def state_of(directory: Path) -> dict[str, str]:
    return {
        path.suffix: hashlib.sha256(path.read_bytes()).hexdigest() + str(path.stat().st_mtime_ns)
        for path in directory.glob("towns.*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("benchmark_type", "seed", "changed"),
    [
        (TinyBenchmark, 1, set()),
        (ChangedBenchmark, 1, {".profile"}),
        (TinyBenchmark, 2, {".nq", ".profile", ".parquet"}),
    ],
)
def test_what_lies_there_for_the_same_is_taken(
    tiny_prepared, tmp_path, benchmark_type, seed, changed
):
    directory = tmp_path / "members"
    prepare_members(TinyBenchmark(), 4, 1, directory)
    before = state_of(directory)
    progress: list[int] = []
    prepared = prepare_members(benchmark_type(), 4, seed, directory, progress.append)
    after = state_of(directory)
    assert {suffix for suffix in after if after[suffix] != before[suffix]} == changed
    assert progress == ([1, 2, 3, 4] if changed else [])
    assert prepared.triples == tiny_prepared.triples


def test_a_missing_program_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(preparation, "find_oxigraph", lambda: None)
    with pytest.raises(FileNotFoundError, match="pip install oxigraph"):
        prepare_members(TinyBenchmark(), 4, 1, tmp_path / "members")
