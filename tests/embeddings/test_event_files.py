"""Curves as TensorBoard's event files: the same as the table of rounds, also after a kill."""

import csv
import struct
from collections import defaultdict

import pytest
from small_federations import PLAN, make_sites
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.record_writer import masked_crc32c

from hereditary_kg.embeddings.errors import TrainingError
from hereditary_kg.embeddings.event_files import LOSS, VALIDATION, EventFiles, site_directory
from hereditary_kg.embeddings.round_summaries import RoundSummary
from hereditary_kg.embeddings.site_session import RoundReport
from hereditary_kg.embeddings.training_report import TrainingReport, write_report
from hereditary_kg.embeddings.training_run import RunProgress, train_sites


def _read_events(path):
    """Read a file of TFRecords: length, its checksum, data, their checksum."""
    data, at, events = path.read_bytes(), 0, []
    while at < len(data):
        (length,), (mark,) = (
            struct.unpack_from("<Q", data, at),
            struct.unpack_from("<I", data, at + 8),
        )
        assert mark == masked_crc32c(data[at : at + 8])
        body = data[at + 12 : at + 12 + length]
        assert struct.unpack_from("<I", data, at + 12 + length) == (masked_crc32c(body),)
        events.append(Event.FromString(body))
        at += 16 + length
    return events


def _read_curves(directory):
    """Give all steps and values of each site and tag, repeated ones as often as they are there."""
    curves = defaultdict(list)
    for path in sorted(directory.glob("*/*tfevents*")):
        for event in _read_events(path):
            for value in event.summary.value:
                if value.HasField("simple_value"):
                    curves[path.parent.name, value.tag].append((event.step, value.simple_value))
    return dict(curves)


def _told_by_the_table(path):
    curves = defaultdict(list)
    for row in csv.DictReader(path.read_text().splitlines()):
        number = int(row["round"])
        if row["loss"]:
            curves[row["site"], LOSS].append((number, float(row["loss"])))
        if row["mean_reciprocal_rank"]:
            rank = float(row["mean_reciprocal_rank"])
            curves[row["site"], VALIDATION].append((number - 1, rank))
    return dict(curves)


def _assert_same(events, table):
    found = {key: curve for key, curve in events.items() if key[1] in (LOSS, VALIDATION)}
    assert found.keys() == table.keys()
    for key, curve in table.items():
        assert [step for step, _ in found[key]] == [step for step, _ in curve]
        assert [value for _, value in found[key]] == pytest.approx(
            [value for _, value in curve], rel=1e-5
        )


def _train(directory, progress=None):
    server, _ = train_sites(
        make_sites(), PLAN, directory / "checkpoints", progress, events=directory / "tensorboard"
    )
    write_report(TrainingReport("test", PLAN, "", server.rounds, []), directory)


def test_the_curves_are_those_of_the_table_of_rounds(tmp_path):
    _train(tmp_path)
    events = _read_curves(tmp_path / "tensorboard")
    _assert_same(events, _told_by_the_table(tmp_path / "rounds.csv"))
    assert {site for site, _ in events} == {"site-0", "site-1", "site-2"}
    assert [step for step, _ in events["site-0", LOSS]] == [1, 2, 3]
    assert [step for step, _ in events["site-0", VALIDATION]] == [1, 2, 3]


def test_the_plan_stands_beside_the_curves(tmp_path):
    _train(tmp_path)
    (path,) = (tmp_path / "tensorboard" / "site-1").iterdir()
    first, begin, plan, *_ = _read_events(path)
    assert first.file_version == "brain.Event:2"
    assert (begin.session_log.status, begin.step) == (SessionLog.START, 0)
    (value,) = plan.summary.value
    assert value.metadata.plugin_data.plugin_name == "text"
    assert "| model | DistMult |" in value.tensor.string_val[0].decode()


@pytest.mark.parametrize("last", [1, 3])
def test_a_run_that_is_taken_up_again_has_each_step_once(tmp_path, last):
    def break_off(summary):
        if summary.number == last:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _train(tmp_path, RunProgress(round=break_off))
    events = tmp_path / "tensorboard"
    # What was last told was written, and will be done again: it was not kept yet.
    assert [step for step, _ in _read_curves(events)["site-2", LOSS]] == [*range(1, last + 1)]
    # A process that was killed has left half a record, and sites have left that come no more.
    for path in events.glob("*/*"):
        path.write_bytes(path.read_bytes()[:-5])
    (events / "site-0").rename(events / "gone")
    note = events / "site-1" / "note.txt"
    note.write_text("what others put there stays")
    _train(tmp_path)
    _assert_same(_read_curves(events), _told_by_the_table(tmp_path / "rounds.csv"))
    assert note.exists()


def test_tensorboard_reads_the_same(tmp_path):
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="TensorBoard itself is not installed",
    )
    _train(tmp_path)
    curves = {}
    for directory in (tmp_path / "tensorboard").iterdir():
        read = accumulator.EventAccumulator(str(directory)).Reload()
        for tag in read.Tags()["scalars"]:
            curves[directory.name, tag] = [(each.step, each.value) for each in read.Scalars(tag)]
    _assert_same(curves, _told_by_the_table(tmp_path / "rounds.csv"))


@pytest.mark.parametrize(
    "name", ["../else", "..", ".", "/tmp/else", "a\\b", "s3://else", ".hidden"]
)
def test_no_name_of_a_site_leads_elsewhere(tmp_path, name):
    directory = tmp_path / "tensorboard"
    with EventFiles(directory, PLAN) as files:
        files.write([RoundSummary(1, {name: RoundReport(10, 0.5)})])
    assert [path.name for path in tmp_path.iterdir()] == ["tensorboard"]
    (site,) = directory.iterdir()
    assert site == site_directory(directory, name)
    assert _read_curves(directory)[site.name, LOSS] == [(1, 0.5)]


def test_a_directory_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "tensorboard").write_text("a file")
    with (
        EventFiles(tmp_path / "tensorboard", PLAN) as files,
        pytest.raises(TrainingError, match="tensorboard: the curves cannot be written: "),
    ):
        files.write([RoundSummary(1, {"site": RoundReport(10, 0.5)})])
