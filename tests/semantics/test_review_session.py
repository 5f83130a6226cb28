"""A review keeps what was decided: in the journal, and in the mapping set's own slots."""

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from review_files import ADA, BOB, COLUMNS, CYD, HEADER, HUB, ROWS, write_candidates

from hereditary_kg.semantics.errors import ReviewBusyError, ReviewError, UnreadableFileError
from hereditary_kg.semantics.hub import Hub
from hereditary_kg.semantics.review.candidates import confirmed_elsewhere, decided_elsewhere
from hereditary_kg.semantics.review.decisions import Decision, Role
from hereditary_kg.semantics.review.journal import journal_path
from hereditary_kg.semantics.review.session import ReviewSession, Surroundings
from hereditary_kg.semantics.saved_queries import SavedQuery
from hereditary_kg.semantics.sssom import ROW, read_mapping_set, validate
from hereditary_kg.semantics.terminology import PARTS

AROUND = Surroundings(HUB)
PAIRS = [row[:2] for row in ROWS]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "candidates.sssom.tsv"
    write_candidates(path)
    return path


def rows_of(path):
    return {
        (row["subject_id"], row["object_id"]): {k: v for k, v in row.items() if v is not None}
        for row in read_mapping_set(path).rows.drop(ROW).to_dicts()
    }


def decide(session, reviewer, *decisions):
    for decision in decisions:
        view = session.view(reviewer)
        session.decide(reviewer, view.item.assignment.pair, Decision(decision))


def test_each_decision_stands_in_the_slots_of_sssom(path):
    with ReviewSession(path, AROUND) as session:
        decide(session, ADA, "exact", "broad", "not", "skip", "close")
        assert session.view(ADA).item is None
        assert session.wait() is None
    rows = rows_of(path)
    agreed, broader, denied, skipped, close = (rows[pair] for pair in PAIRS)
    today = agreed["review_date"]
    assert agreed["predicate_id"] == "skos:exactMatch"
    assert agreed["mapping_justification"] == "semapv:LexicalMatching"
    assert (agreed["reviewer_id"], agreed["reviewer_agreement"]) == (ADA.text, "1")
    assert broader["predicate_id"] == "skos:broadMatch"
    assert broader["mapping_justification"] == "semapv:ManualMappingCuration"
    assert broader["author_id"] == ADA.text
    assert "confidence" not in broader
    assert broader["comment"] == (
        "Had been proposed as skos:exactMatch by semapv:LexicalMatching with confidence 0.9."
    )
    assert (denied["predicate_id"], denied["predicate_modifier"]) == ("skos:exactMatch", "Not")
    assert denied["review_date"] == today
    assert "reviewer_id" not in skipped
    assert close["predicate_id"] == "skos:closeMatch"
    text = path.read_text()
    assert "## a comment that stays\n" in text
    assert "orcid: https://orcid.org/" in text
    assert read_mapping_set(path).metadata["sssom_version"] == "1.1"
    assert validate(read_mapping_set(path)) == ()


def test_what_is_taken_back_leaves_the_file_as_it_was(path):
    before = path.read_bytes()
    with ReviewSession(path, AROUND) as session:
        decide(session, ADA, "not", "narrow", "exact")
        session.wait()
        assert path.read_bytes() != before
        for _ in range(3):
            view = session.undo(ADA)
        assert view.item.assignment.pair == PAIRS[0]
        with pytest.raises(ReviewError, match="nothing of yours"):
            session.undo(ADA)
    assert path.read_bytes() == before
    # Also by another process, which finds the file as the first one left it.
    with ReviewSession(path, AROUND) as session:
        decide(session, ADA, "not", "narrow")
    with ReviewSession(path, AROUND) as session:
        assert session.view(ADA).item.assignment.pair == PAIRS[2]
        session.undo(ADA)
        session.undo(ADA)
    assert rows_of(path) == rows_of_bytes(before, path)
    assert "reviewer_id" not in path.read_text()


def rows_of_bytes(content, path):
    other = path.with_name("before.sssom.tsv")
    other.write_bytes(content)
    return rows_of(other)


def test_two_readers_and_an_arbiter(path):
    with ReviewSession(path, AROUND, readers=2) as session:
        decide(session, ADA, "exact", "exact")
        first = session.view(BOB)
        assert first.item.assignment.role is Role.SECOND
        assert first.item.votes == ()  # a second reader makes up their own mind
        decide(session, BOB, "exact", "broad")
        view = session.view(CYD)
        assert view.item.assignment.role is Role.ARBITER
        assert [(v.reviewer, v.decision) for v in view.item.votes] == [
            (ADA, "exact"),
            (BOB, "broad"),
        ]
        session.wait()
        rows = rows_of(path)
        assert rows[PAIRS[0]]["reviewer_agreement"] == "1"
        assert (rows[PAIRS[0]]["reviewer_id"], rows[PAIRS[0]]["reviewer_label"]) == (
            ADA.text,
            "Bob",
        )
        # What is disputed stays as it was proposed.
        assert rows[PAIRS[1]]["predicate_id"] == "skos:exactMatch"
        assert rows[PAIRS[1]]["reviewer_agreement"] == "0"
        decide(session, CYD, "broad")
    settled = rows_of(path)[PAIRS[1]]
    assert settled["predicate_id"] == "skos:broadMatch"
    assert settled["reviewer_agreement"] == "0.3333"
    assert settled["author_label"] == "Bob|Cyd"
    assert settled["reviewer_label"] == "Bob|Cyd"


def test_what_is_denied_is_never_proposed_again(path, tmp_path):
    with ReviewSession(path, AROUND) as session:
        decide(session, ADA, "not", "exact")
    # The same candidates found again, with what was decided known.
    again = tmp_path / "again.sssom.tsv"
    write_candidates(again)
    known = Surroundings(HUB, known=[read_mapping_set(path)])
    with ReviewSession(again, known) as session:
        assert session.view(ADA).progress.total == 3
        assert session.view(ADA).item.assignment.pair == PAIRS[2]
    # And in the file itself, also without its journal: what a reviewer confirmed counts as read.
    journal_path(path).unlink()
    with ReviewSession(path, AROUND) as session:
        progress = session.view(BOB).progress
        assert (progress.total, progress.settled) == (4, 1)
    journal_path(path).unlink()
    with ReviewSession(path, AROUND, readers=2) as session:
        decide(session, BOB, "exact")
    row = rows_of(path)[PAIRS[1]]
    assert (row["reviewer_id"], row["reviewer_label"]) == (ADA.text, "Bob")


def test_decisions_are_known_in_unknown_vocabularies_and_both_directions(tmp_path):
    path = tmp_path / "known.sssom.tsv"
    path.write_text(
        "subject_id\tpredicate_id\tpredicate_modifier\tobject_id\tmapping_justification"
        "\treviewer_label\treviewer_agreement\n"
        "Foo:1\tskos:exactMatch\tNot\tOrphanet:2\tsemapv:ManualMappingCuration\t\t\n"
        "Foo:2\tskos:exactMatch\t\tOrphanet:2\tsemapv:ManualMappingCuration\t\t\n"
        "Foo:3\towl:equivalentClass\t\tOrphanet:3\tsemapv:ManualMappingCuration\tBob\t1\n"
        "Foo:4\tskos:broadMatch\t\tOrphanet:4\tsemapv:ManualMappingCuration\tBob\t\n"
        "Foo:5\tskos:exactMatch\t\tOrphanet:5\tsemapv:ManualMappingCuration\tBob\t-1\n"
        "Foo:6\tskos:exactMatch\t\tOrphanet:6\tsemapv:ManualMappingCuration\tBob|Cyd\t0\n"
    )
    sets = [read_mapping_set(path)]
    decided = {(f"Foo:{n}", f"ORPHA:{m}") for n, m in ((1, 2), (3, 3), (4, 4), (5, 5))}
    assert decided_elsewhere(sets) == decided | {pair[::-1] for pair in decided}
    assert confirmed_elsewhere(sets) == {("Foo:3", "ORPHA:3"), ("ORPHA:3", "Foo:3")}


def test_cards_say_what_a_term_is_a_part_of(path):
    parts = pl.DataFrame([(PAIRS[0][0], "MONDO:0000001")], schema=PARTS, orient="row")
    mondo = replace(HUB.terminologies["MONDO"], parts=parts)
    around = Surroundings(Hub({"MONDO": mondo}))
    with ReviewSession(path, around) as session:
        (whole,) = session.view(ADA).item.cards[0].wholes
    assert (whole.id, whole.label) == ("MONDO:0000001", "disease")


def test_the_queue_is_ordered_by_what_hangs_on_each_mapping(path):
    around = Surroundings(
        HUB,
        {"MONDO:0000005": 4, "NCIT:C34375": 3},
        [SavedQuery("lonely", frozenset({"MONDO:0000005"}))],
    )
    with ReviewSession(path, around) as session:
        view = session.view(ADA)
        assert view.item.assignment.pair == PAIRS[4]
        assert (view.item.weight.records, view.item.weight.queries) == (4, ("lonely",))


def test_a_reader_sees_terms_and_claims(path):
    with ReviewSession(path, AROUND) as session:
        view = session.view(ADA)
    mondo, ncit = view.item.cards
    assert mondo.label == "amyotrophic lateral sclerosis"
    assert mondo.terminology == "MONDO 2026-05-05"
    assert mondo.iri == "http://purl.obolibrary.org/obo/MONDO_0004976"
    assert [each.label for each in mondo.parents] == ["disease"]
    assert (mondo.child_count, ncit.child_count) == (1, 0)
    assert ncit.synonyms == {"exact": ("als", "Lou Gehrig Disease")}
    assert ncit.shared == {"Amyotrophic Lateral Sclerosis", "als"}
    assert [each.object for each in view.item.claims.disagreeing] == ["NCIT:C4802"]
    assert view.item.claims.disagreeing[0].object_label == "Neurodegenerative Disorder"
    assert view.item.claims.disagreeing[0].source.endswith("#1")


def test_claims_follow_what_was_decided(path):
    write_candidates(path, [ROWS[0], (ROWS[0][0], "NCIT:C1", "rival", "0.5")])
    with ReviewSession(path) as session:
        rival = session.view(ADA).item.claims.disagreeing
        assert [(each.object, each.denied) for each in rival] == [("NCIT:C1", False)]
        decide(session, ADA, "skip", "not")
        view = session.recall(ADA)
        assert view.item.assignment.pair == PAIRS[0]
        assert view.item.claims.disagreeing == ()


def test_one_process_reviews_at_a_time(path):
    with ReviewSession(path), pytest.raises(ReviewBusyError, match="another process"):
        ReviewSession(path)


def test_a_pair_has_to_be_given_before_it_is_decided(path):
    with ReviewSession(path) as session:
        session.view(ADA)
        with pytest.raises(ReviewError, match="not what you were given"):
            session.decide(ADA, PAIRS[2], Decision.NOT)
        session.decide(ADA, PAIRS[0], Decision.NOT)
        # The answer was lost and the key is sent again.
        session.decide(ADA, PAIRS[0], Decision.NOT)
        assert session.view(ADA).progress.mine == 1


def test_a_full_disk_loses_nothing(path, monkeypatch):
    with ReviewSession(path) as session:
        decide(session, ADA, "exact")
        written = path.read_bytes() if session.wait() is None else None
        full = OSError(28, "No space left on device")
        monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(full))
        pair = session.view(ADA).item.assignment.pair
        with pytest.raises(ReviewError, match="No space left"):
            session.decide(ADA, pair, Decision.NOT)
        assert session.view(ADA).item.assignment.pair == pair
        monkeypatch.undo()
        monkeypatch.setattr(
            "hereditary_kg.semantics.review.rewriting.write_mapping_set",
            lambda *_: (_ for _ in ()).throw(full),
        )
        session.decide(ADA, pair, Decision.NOT)
        assert "No space left" in session.wait()
        assert path.read_bytes() == written
        monkeypatch.undo()
    with ReviewSession(path) as session:
        assert session.wait() is None
    assert rows_of(path)[pair]["predicate_modifier"] == "Not"


def test_a_file_that_somebody_else_changed_is_left_alone(path):
    with ReviewSession(path) as session:
        decide(session, ADA, "exact")
        session.wait()
        changed = path.read_bytes().replace(b"solitude", b"loneliness")
        path.write_bytes(changed)
        decide(session, ADA, "not")
        assert "another program" in session.wait()
        assert path.read_bytes() == changed
    with ReviewSession(path) as session:
        session.wait()
    rows = rows_of(path)
    assert rows[PAIRS[1]]["predicate_modifier"] == "Not"
    assert rows[PAIRS[4]]["object_label"] == "loneliness"


def test_a_journal_that_breaks_off_or_is_damaged(path):
    with ReviewSession(path) as session:
        decide(session, ADA, "not", "not")
    journal = journal_path(path)
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-7])
    with ReviewSession(path) as session:
        assert session.view(ADA).progress.mine == 1
        decide(session, ADA, "exact")
    assert journal.read_bytes().count(b"\n") == 3
    journal.write_bytes(whole.replace(b'"kind"', b'"kynd"'))
    with pytest.raises(UnreadableFileError, match=r"jsonl:2: the journal is damaged"):
        ReviewSession(path)


def test_several_rows_of_a_pair(path):
    text = "MONDO:0000005\t\tskos:broadMatch\tNCIT:C99999\t\tsemapv:LexicalMatching\t\tx\n"
    path.write_text(HEADER + COLUMNS + text + text.replace("broad", "exact"))
    with ReviewSession(path) as session:
        decide(session, ADA, "exact")
    rows = read_mapping_set(path).rows
    assert rows["predicate_id"].to_list() == ["skos:broadMatch", "skos:exactMatch"]
    assert rows["reviewer_agreement"].to_list() == ["-1", "1"]
    with ReviewSession(path) as session:
        session.undo(ADA)
        decide(session, ADA, "not")
    assert read_mapping_set(path).rows["predicate_modifier"].to_list() == ["Not", "Not"]


_KILLED = """
    import sys
    from pathlib import Path
    from hereditary_kg.semantics.review.decisions import Decision
    from hereditary_kg.semantics.review.reviewers import Reviewer
    from hereditary_kg.semantics.review.session import ReviewSession

    session, ada = ReviewSession(Path(sys.argv[1])), Reviewer("Ada")
    view = session.view(ada)
    while view.item:
        pair = view.item.assignment.pair
        said = ("exact", "not", "broad")[int(pair[0][-1]) % 3]
        view = session.decide(ada, pair, Decision(said))
        print(*pair, flush=True)
"""


@pytest.mark.sockets
@pytest.mark.parametrize("confirmed", [1, 7, 40])
def test_a_killed_process_loses_nothing(tmp_path, confirmed):
    path = tmp_path / "many.sssom.tsv"
    pairs = [(f"MONDO:{n:07}", f"NCIT:C{n}", "x", "0.5") for n in range(1, 2001)]
    write_candidates(path, pairs)
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_KILLED), path],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    told = [process.stdout.readline().split() for _ in range(confirmed)]
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    told += [line.split() for line in rest.splitlines()]
    # The file is whole, whichever version of it.
    assert read_mapping_set(path).rows.height == 2000
    with ReviewSession(path) as session:
        mine = session.view(type(ADA)("Ada")).progress.mine
        assert mine in (len(told), len(told) + 1)
        session.wait()
    rows = rows_of(path)
    for subject, target in told:
        row = rows[subject, target]
        decision = ("exact", "not", "broad")[int(subject[-1]) % 3]
        said = "not" if "predicate_modifier" in row else row["predicate_id"][5:-5]
        assert (said, row["reviewer_label"]) == (decision, "Ada")
    assert read_mapping_set(path).rows["reviewer_label"].count() == mine


def test_other_formats(path, tmp_path):
    from hereditary_kg.semantics.sssom import write_mapping_set

    json = tmp_path / "candidates.json"
    write_mapping_set(read_mapping_set(path), json, "json")
    with ReviewSession(json) as session:
        decide(session, ADA, "not")
    row = read_mapping_set(json).rows.filter(pl.col("object_id") == PAIRS[0][1])
    assert row["predicate_modifier"].to_list() == ["Not"]
    packed = tmp_path / "candidates.sssom.tsv.gz"
    packed.write_bytes(b"")
    with pytest.raises(ReviewError, match="packed"):
        ReviewSession(packed)
