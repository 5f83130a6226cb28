from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flwr.app import MetricRecord, RecordDict

from hereditary_kg.embeddings.grids.allow_list import AllowList
from hereditary_kg.embeddings.grids.certificates import Authority, fingerprint
from hereditary_kg.embeddings.grids.errors import (
    ManifestError,
    PolicyError,
    RefusedError,
    SettingsError,
)
from hereditary_kg.embeddings.grids.journal import Journal
from hereditary_kg.embeddings.grids.manifest import RunManifest, SignedManifest
from hereditary_kg.embeddings.grids.policy import LearningPolicy

AUTHORITY = Authority.create("Tests")
SERVER = AUTHORITY.issue_server(["localhost"])


def manifest(**changes: Any) -> RunManifest:
    given: dict[str, Any] = {
        "run_id": 5,
        "title": "Genes and diseases",
        "rounds": 100,
        "minimum_sites": 3,
        "sites": ("biobank", "clinic", "registry"),
        "training": {"model": "TransE", "dimension": 128, "optimiser": {"rate": 0.1}},
        "privacy": {"secure-aggregation": True, "epsilon": 4.0},
    }
    return RunManifest(**{**given, **changes})


def test_a_manifest_comes_back_from_its_text_and_can_be_read_by_people() -> None:
    text = manifest().to_json()
    again = RunManifest.from_json(text)
    assert again.to_json() == text
    assert again.settings() == manifest().settings()
    assert '"model": "TransE"' in text
    assert again.settings()["training.optimiser.rate"] == 0.1


def test_a_signed_manifest_opens() -> None:
    signed = manifest().sign(SERVER)
    assert signed.open(AUTHORITY.certificate).title == "Genes and diseases"


def test_a_changed_text_or_another_signature_does_not_open() -> None:
    signed = manifest().sign(SERVER)
    changed = SignedManifest(
        signed.text.replace("TransE", "RotatE"), signed.signature, signed.certificate
    )
    other = SignedManifest(signed.text, manifest().sign(SERVER).signature[:-1], SERVER.certificate)
    for wrong in (changed, other):
        with pytest.raises(ManifestError, match="not what its server signed"):
            wrong.open(AUTHORITY.certificate)


def test_an_old_manifest_does_not_open() -> None:
    old = manifest(expires=datetime.now(tz=UTC) - timedelta(days=1)).sign(SERVER)
    with pytest.raises(ManifestError, match="expired on"):
        old.open(AUTHORITY.certificate)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-9],
        lambda text: text.replace('"rounds"', '"turns"'),
        lambda text: text.replace('"TransE"', '["TransE"]'),
        lambda text: "[]",
    ],
)
def test_what_is_no_manifest_is_refused(change: Callable[[str], str]) -> None:
    with pytest.raises((ManifestError, SettingsError)):
        RunManifest.from_json(change(manifest().to_json()))


class TestPolicy:
    def check(self, policy: LearningPolicy, site: str = "clinic", **changes: Any) -> None:
        run = manifest(**changes)
        policy.check(run.sign(SERVER), run, site)

    def test_a_run_that_keeps_to_it_is_admitted(self) -> None:
        self.check(
            LearningPolicy.from_table(
                {
                    "servers": [fingerprint(SERVER.certificate)],
                    "required": {"privacy.secure-aggregation": True},
                    "minimum": {"minimum-sites": 3},
                    "maximum": {"rounds": 100, "privacy.epsilon": 4},
                    "allowed": {"training.model": ["TransE", "RotatE"]},
                },
                "site.toml",
            )
        )
        self.check(LearningPolicy())

    @pytest.mark.parametrize(
        ("table", "changes", "reason"),
        [
            ({"servers": ["sha256:00"]}, {}, "not among the policy's servers"),
            ({"required": {"rounds": 9}}, {}, "rounds must be 9, but it is 100"),
            ({"minimum": {"minimum-sites": 4}}, {}, "must be at least 4, but it is 3"),
            ({"maximum": {"privacy.epsilon": 3.9}}, {}, "must be at most 3.9, but it is 4.0"),
            ({"maximum": {"privacy.delta": 1e-5}}, {}, "privacy.delta .* the run does not say"),
            (
                {"maximum": {"privacy.epsilon": 8}},
                {"privacy": {"epsilon": float("nan")}},
                "at most 8, but it is nan",
            ),
            ({"maximum": {"privacy.epsilon": 8}}, {"privacy": {"epsilon": True}}, "it is True"),
            ({"allowed": {"training.model": ["RotatE"]}}, {}, "must be one of 'RotatE'"),
            ({}, {"sites": ("registry",)}, r"not for this site \(clinic\)"),
        ],
    )
    def test_another_is_refused_with_the_reason(
        self, table: dict[str, Any], changes: dict[str, Any], reason: str
    ) -> None:
        with pytest.raises(PolicyError, match=reason):
            self.check(LearningPolicy.from_table(table, "site.toml"), **changes)

    @pytest.mark.parametrize(
        "table",
        [
            {"require": {}},
            {"required": 3},
            {"maximum": {"rounds": "many"}},
            {"maximum": {"rounds": True}},
            {"allowed": {"training.model": "TransE"}},
            {"servers": "sha256:00"},
            {"servers": ["00"]},
        ],
    )
    def test_a_policy_that_cannot_be_meant_is_refused(self, table: dict[str, Any]) -> None:
        with pytest.raises(SettingsError, match=r"site\.toml"):
            LearningPolicy.from_table(table, "site.toml")


class TestAllowList:
    def test_a_certificate_is_known_by_fingerprint_or_by_name(self) -> None:
        clinic, registry = AUTHORITY.issue_site("clinic"), AUTHORITY.issue_site("r.example.org")
        mark = fingerprint(clinic.certificate)
        listed = AllowList.from_table(
            {"Clinic": {"fingerprint": mark}, "Registry": {"name": "r.example.org"}}, "run.toml"
        )
        assert listed.sites == ("Clinic", "Registry")
        assert listed.site_of(clinic.certificate) == "Clinic"
        assert listed.site_of(registry.certificate) == "Registry"

    def test_another_certificate_of_the_same_name_has_not_the_fingerprint(self) -> None:
        mark = fingerprint(AUTHORITY.issue_site("clinic").certificate)
        listed = AllowList.from_table({"clinic": {"fingerprint": mark}}, "run.toml")
        with pytest.raises(RefusedError, match="not on the server's list"):
            listed.site_of(AUTHORITY.issue_site("clinic").certificate)

    @pytest.mark.parametrize(
        "table",
        [
            {"a": {}},
            {"a": {"fingerprint": "sha256:1", "name": "a"}},
            {"a": {"title": "a"}},
            {"a": "sha256:1"},
            {"a": {"name": "x"}, "b": {"name": "x"}},
            {"a": {"name": 3}},
        ],
    )
    def test_an_entry_that_cannot_be_meant_is_refused(self, table: dict[str, Any]) -> None:
        with pytest.raises(SettingsError, match=r"run\.toml"):
            AllowList.from_table(table, "run.toml")


class TestJournal:
    def open(self, place: Path, run: RunManifest) -> Journal:
        return Journal.open(place, run.sign(SERVER), run)

    def test_what_was_committed_is_there_again(self, tmp_path: Path) -> None:
        run = manifest()
        journal = self.open(tmp_path, run)
        assert (journal.done, journal.replies, len(journal.state)) == (0, {}, 0)
        state = RecordDict({"n": MetricRecord({"n": 1})})
        journal.commit(3, "m-3", b"third", state)
        journal.commit(4, "m-4", b"fourth", state)
        journal.forget("m-3")
        state["n"]["n"] = 2
        journal.commit(6, "m-6", b"sixth", state)
        again = self.open(tmp_path, run)
        assert again.done == 6
        assert again.replies == {"m-4": b"fourth", "m-6": b"sixth"}
        assert again.state["n"]["n"] == 2
        assert len(list((tmp_path / "5").glob("state-*"))) == 1

    def test_a_crash_between_state_and_journal_leaves_the_older_of_both(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = manifest()
        journal = self.open(tmp_path, run)
        journal.commit(1, "m-1", b"first", RecordDict({"n": MetricRecord({"n": 1})}))
        monkeypatch.setattr(journal, "_write", lambda: (_ for _ in ()).throw(OSError(28, "full")))
        with pytest.raises(SettingsError, match="cannot be written: full"):
            journal.commit(2, "m-2", b"second", RecordDict({"n": MetricRecord({"n": 2})}))
        again = self.open(tmp_path, run)
        assert (again.done, again.replies, again.state["n"]["n"]) == (1, {"m-1": b"first"}, 1)
        assert len(list((tmp_path / "5").glob("state-*"))) == 1

    def test_a_finished_run_keeps_nothing_and_is_not_begun_again(self, tmp_path: Path) -> None:
        run = manifest()
        journal = self.open(tmp_path, run)
        journal.commit(1, "m-1", b"first", RecordDict({"n": MetricRecord({"n": 1})}))
        journal.finish()
        assert [path.name for path in (tmp_path / "5").iterdir()] == ["finished"]
        with pytest.raises(ManifestError, match="Run 5 is finished"):
            self.open(tmp_path, run)

    def test_a_number_stands_for_one_manifest(self, tmp_path: Path) -> None:
        self.open(tmp_path, manifest())
        with pytest.raises(ManifestError, match="another manifest"):
            self.open(tmp_path, manifest(rounds=101))

    def test_a_broken_journal_is_named(self, tmp_path: Path) -> None:
        run = manifest()
        self.open(tmp_path, run).commit(1, "m-1", b"first", RecordDict())
        (tmp_path / "5" / "journal").write_bytes(b"nothing")
        with pytest.raises(SettingsError, match="journal cannot be read"):
            self.open(tmp_path, run)
