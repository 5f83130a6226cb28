"""``hkg map match``."""

import pytest
from click.testing import CliRunner

from hereditary_kg.cli.main import hkg
from hereditary_kg.semantics.review.decisions import Decision
from hereditary_kg.semantics.review.reviewers import Reviewer
from hereditary_kg.semantics.review.session import ReviewSession
from hereditary_kg.semantics.sssom import read_mapping_set

ONE = "id\tlabel\nMONDO:0000001\tAmyotrophic lateral sclerosis\nMONDO:0000002\tHuntington disease\n"
OTHER = "id\tlabel\nDOID:1\tamyotrophic lateral sclerosis\nDOID:2\tHuntington's disease\n"
HEAD = (
    "subject_id\tpredicate_id\tpredicate_modifier\tobject_id\tmapping_justification"
    "\treviewer_id\treviewer_agreement\n"
)
ROW = "MONDO:0000001\tskos:{}Match\t{}\tDOID:1\tsemapv:ManualMappingCuration\t{}\t{}\n"
ADA = "orcid:0000-0002-1825-0097"


def run(tmp_path, *options: str, known: str = HEAD):
    for name, text in (("a.tsv", ONE), ("b.tsv", OTHER), ("known.tsv", known)):
        (tmp_path / name).write_text(text)
    given = [option.replace("@", f"{tmp_path}/") for option in options]
    command = ["map", "match", f"{tmp_path}/a.tsv", f"{tmp_path}/b.tsv", *given]
    return CliRunner().invoke(hkg, command)


def subjects(path) -> list[str]:
    return read_mapping_set(path).slot("subject_id").to_list()


def test_proposals_are_written(tmp_path) -> None:
    result = run(tmp_path, "-o", "@out.sssom.tsv")
    assert result.exit_code == 0, result.output
    assert subjects(tmp_path / "out.sssom.tsv") == ["MONDO:0000001", "MONDO:0000002"]


@pytest.mark.parametrize(
    "row",
    [
        ("exact", "Not", "", ""),
        ("exact", "", ADA, "1"),
        ("exact", "", ADA, ""),
        ("broad", "", ADA, "1"),
        ("exact", "", ADA, "-1"),
        ("exact", "", "", "-0.3333"),
    ],
)
def test_decided_pairs_are_not_proposed_again(tmp_path, row) -> None:
    known = HEAD + ROW.format(*row)
    result = run(tmp_path, "-o", "@out.sssom.tsv", "--known", "@known.tsv", known=known)
    assert result.exit_code == 0, result.output
    assert subjects(tmp_path / "out.sssom.tsv") == ["MONDO:0000002"]


@pytest.mark.parametrize("row", [("exact", "", "", ""), ("exact", "", ADA, "0")])
def test_what_is_open_is_proposed_again(tmp_path, row) -> None:
    known = HEAD + ROW.format(*row)
    result = run(tmp_path, "-o", "@out.sssom.tsv", "--known", "@known.tsv", known=known)
    assert result.exit_code == 0, result.output
    assert subjects(tmp_path / "out.sssom.tsv") == ["MONDO:0000001", "MONDO:0000002"]


def test_what_was_reviewed_is_not_proposed_again(tmp_path) -> None:
    run(tmp_path, "-o", "@first.sssom.tsv")
    ada = Reviewer.parse(ADA)
    with ReviewSession(tmp_path / "first.sssom.tsv") as session:
        for decision in (Decision.NOT, Decision.CLOSE):
            pair = session.view(ada).item.assignment.pair
            session.decide(ada, pair, decision)
    result = run(tmp_path, "-o", "@again.sssom.tsv", "--known", "@first.sssom.tsv")
    assert result.exit_code == 0, result.output
    assert subjects(tmp_path / "again.sssom.tsv") == []
    assert subjects(tmp_path / "first.sssom.tsv") == ["MONDO:0000001", "MONDO:0000002"]


def test_evidence_needs_both_sides(tmp_path) -> None:
    result = run(tmp_path, "--evidence-a", "@a.tsv")
    assert result.exit_code == 2
    assert "both sides" in result.output


def test_evidence_without_its_columns_is_refused(tmp_path) -> None:
    result = run(tmp_path, "--evidence-a", "@a.tsv", "--evidence-b", "@b.tsv")
    assert result.exit_code == 2
    assert "kind" in result.output
