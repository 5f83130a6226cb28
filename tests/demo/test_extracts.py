"""The terminology extracts are what their manifest and the public figures say."""

import gzip
import hashlib
import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from ontologies.tables import (
    TableError,
    join_values,
    read_rows,
    split_values,
    write_table,
)

EXTRACTS = Path(__file__).parents[2] / "ontologies"
MANIFEST = json.loads((EXTRACTS / "manifest.json").read_text())


def rows(name):
    return list(read_rows(EXTRACTS / f"{name}.tsv.gz"))


@pytest.mark.parametrize("entry", MANIFEST, ids=lambda entry: entry["name"])
def test_extract_is_the_one_its_manifest_names(entry):
    text = gzip.decompress((EXTRACTS / entry["name"]).read_bytes())
    assert hashlib.sha256(text).hexdigest() == entry["sha256"]
    assert sum(1 for _ in read_rows(EXTRACTS / entry["name"])) == entry["rows"]


@pytest.mark.parametrize("entry", MANIFEST, ids=lambda entry: entry["name"])
def test_extract_names_its_licence(entry):
    header = gzip.decompress((EXTRACTS / entry["name"]).read_bytes())[:4000].decode(errors="ignore")
    assert "\n# license: " in "\n" + header
    assert f"`{entry['name']}`" in (EXTRACTS / "LICENCES.md").read_text()


def test_every_extract_is_in_the_manifest():
    assert {path.name for path in EXTRACTS.glob("*.gz")} == {entry["name"] for entry in MANIFEST}


def test_extracts_stay_small():
    assert sum(path.stat().st_size for path in EXTRACTS.glob("*.gz")) < 6_000_000


def test_disease_counts_are_those_of_the_release():
    # The head of phenotype.hpoa 2025-01-16 says 8359 OMIM and 4283 ORPHA; 4281 of these have rows.
    diseases = [row["disease_id"] for row in rows("hpo_diseases")]
    assert Counter(name.split(":")[0] for name in diseases) == {"OMIM": 8359, "ORPHA": 4281}
    assert len(set(diseases)) == len(diseases)
    assert {row["disease_id"] for row in rows("hpo_annotations")} == set(diseases)


def test_hpo_terms_form_one_rooted_hierarchy():
    terms = {row["id"]: row for row in rows("hpo_terms")}
    assert len(terms) == 19_484
    live = {name for name, row in terms.items() if not row["obsolete"]}
    orphans = {name for name in live if not terms[name]["parents"]}
    assert orphans == {"HP:0000001"}
    assert {parent for name in live for parent in split_values(terms[name]["parents"])} <= live
    assert terms["HP:0002380"]["label"] == "Fasciculations"


def test_replaced_terms_point_at_live_ones():
    terms = {row["id"]: row for row in rows("hpo_terms")}
    replaced = [row for row in terms.values() if row["replaced_by"]]
    assert len(replaced) == 356
    successors = [name for row in replaced for name in split_values(row["replaced_by"])]
    assert not any(terms[name]["obsolete"] for name in successors)


def test_annotations_use_live_terms_and_shares():
    live = {row["id"] for row in rows("hpo_terms") if not row["obsolete"]}
    annotations = rows("hpo_annotations")
    assert {row["hpo_id"] for row in annotations} <= live
    assert all(0 <= float(row["frequency"]) <= 1 for row in annotations if row["frequency"])
    assert all(bool(row["frequency"]) == bool(row["stated_frequency"]) for row in annotations)
    assert Counter(row["qualifier"] for row in annotations)["NOT"] == 711


def test_disease_genes_are_known_genes():
    genes = {row["id"]: row["symbol"] for row in rows("hgnc_genes")}
    links = rows("hpo_disease_genes")
    assert all(genes[row["hgnc_id"]] == row["symbol"] for row in links)
    als = {row["symbol"] for row in links if row["disease_id"] == "ORPHA:803"}
    assert {"SOD1", "FUS", "TARDBP", "VCP"} <= als


def test_mondo_knows_als_by_its_parents_and_codes():
    terms = {row["id"]: row for row in rows("mondo_terms")}
    assert terms["MONDO:0004976"]["label"] == "amyotrophic lateral sclerosis"
    assert "MONDO:0020128" in split_values(terms["MONDO:0004976"]["parents"])
    matches = defaultdict(set)
    for row in rows("mondo_mappings.sssom"):
        matches[row["subject_id"], row["predicate_id"]].add(row["object_id"])
    assert {"Orphanet:803", "ICD10CM:G12.21"} <= matches["MONDO:0004976", "skos:exactMatch"]


def test_tables_keep_values_that_hold_the_separator():
    assert split_values(join_values(["a|b", "c", ""])) == ("a|b", "c", "")


def test_same_rows_give_same_bytes(tmp_path):
    first = tmp_path / "first.tsv.gz"
    second = tmp_path / "second.tsv.gz"
    write_table(first, "title: x", ("a", "b"), [("2", "y"), ("1", "x")])
    write_table(second, "title: x", ("a", "b"), [("1", "x"), ("2", "y")])
    assert first.read_bytes() == second.read_bytes()
    assert [row["a"] for row in read_rows(first)] == ["1", "2"]


def test_broken_cells_are_refused(tmp_path):
    with pytest.raises(TableError, match="does not fit the columns"):
        write_table(tmp_path / "x.tsv.gz", "title: x", ("a", "b"), [("1\t2", "3")])


def test_rows_of_another_width_are_refused(tmp_path):
    path = tmp_path / "x.tsv.gz"
    path.write_bytes(gzip.compress(b"a\tb\n1\t2\n3\n"))
    with pytest.raises(TableError, match=r"x\.tsv\.gz:3: 1 cells where 2 columns"):
        list(read_rows(path))
