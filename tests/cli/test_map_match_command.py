"""``hkg map match``."""

from click.testing import CliRunner

from hereditary_kg.cli.main import hkg
from hereditary_kg.semantics.sssom import read_mapping_set

ONE = "id\tlabel\nMONDO:0000001\tAmyotrophic lateral sclerosis\nMONDO:0000002\tHuntington disease\n"
OTHER = "id\tlabel\nDOID:1\tamyotrophic lateral sclerosis\nDOID:2\tHuntington's disease\n"
REFUSED = (
    "subject_id\tpredicate_id\tpredicate_modifier\tobject_id\tmapping_justification\n"
    "MONDO:0000001\tskos:exactMatch\tNot\tDOID:1\tsemapv:ManualMappingCuration\n"
)


def run(tmp_path, *options: str):
    for name, text in (("a.tsv", ONE), ("b.tsv", OTHER), ("no.tsv", REFUSED)):
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


def test_refused_pairs_are_not_written(tmp_path) -> None:
    result = run(tmp_path, "-o", "@out.sssom.tsv", "--rejected", "@no.tsv")
    assert result.exit_code == 0, result.output
    assert subjects(tmp_path / "out.sssom.tsv") == ["MONDO:0000002"]


def test_evidence_needs_both_sides(tmp_path) -> None:
    result = run(tmp_path, "--evidence-a", "@a.tsv")
    assert result.exit_code == 2
    assert "both sides" in result.output


def test_evidence_without_its_columns_is_refused(tmp_path) -> None:
    result = run(tmp_path, "--evidence-a", "@a.tsv", "--evidence-b", "@b.tsv")
    assert result.exit_code == 2
    assert "kind" in result.output
