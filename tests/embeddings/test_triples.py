"""Triple sets: numbers and labels belong together, and bad files are told by line."""

import gzip

import numpy as np
import pytest

from hereditary_kg.embeddings.errors import TripleError
from hereditary_kg.embeddings.triples import TripleSet, read_triples

LABELS = [("b", "r", "a"), ("a", "q", "c"), ("b", "r", "a")]


def test_labels_come_back_once_each():
    triples = TripleSet.from_labels(LABELS)
    assert triples.entities == ("a", "b", "c")
    assert triples.relations == ("q", "r")
    assert set(triples.labels()) == set(LABELS)
    assert len(triples) == 2


def test_the_order_of_triples_does_not_matter():
    one, two = TripleSet.from_labels(LABELS), TripleSet.from_labels(LABELS[::-1])
    assert one.entities == two.entities
    assert (one.triples == two.triples).all()


def test_given_labels_come_first_also_unused_ones():
    triples = TripleSet.from_labels(LABELS, entities=["z", "c"], relations=["s"])
    assert triples.entities == ("z", "c", "a", "b")
    assert triples.relations == ("s", "q", "r")
    assert set(triples.labels()) == set(LABELS)
    assert triples.entity_numbers["c"] == 1
    assert triples.relation_numbers["r"] == 2
    assert "z" not in triples.used_only().entities


def test_a_selection_keeps_its_labels():
    triples = TripleSet.from_labels(LABELS)
    chosen = triples.select(triples.triples[:, 1] == triples.relation_numbers["q"])
    assert chosen.labels() == [("a", "q", "c")]
    assert chosen.entities == triples.entities
    assert len(triples.select(np.array([], dtype=np.int64))) == 0


@pytest.mark.parametrize("row", [[0, 0, 2], [0, 1, 0], [-1, 0, 0]])
def test_a_number_without_a_label_is_refused(row):
    with pytest.raises(TripleError, match="without a label"):
        TripleSet(("a", "b"), ("r",), np.array([row]))


def test_a_label_given_twice_is_refused():
    with pytest.raises(TripleError, match="not all different"):
        TripleSet(("a", "a"), ("r",), np.empty((0, 3), dtype=np.int64))
    with pytest.raises(TripleError, match="not all different"):
        TripleSet.from_labels(LABELS, entities=["a", "a"])


@pytest.mark.parametrize("name", ["triples.tsv", "triples.tsv.gz"])
def test_a_file_is_read(tmp_path, name):
    text = b"b\tr\ta\r\n\na\tq\tc with space\n"
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    assert read_triples(tmp_path / name) == [("b", "r", "a"), ("a", "q", "c with space")]


@pytest.mark.parametrize("line", ["a\tr", "a\tr\t", "a\tr\tb\tc", "a r b"])
def test_a_bad_line_is_told(tmp_path, line):
    path = tmp_path / "triples.tsv"
    path.write_text(f"a\tr\tb\n{line}\n", encoding="utf-8")
    with pytest.raises(TripleError, match=r"triples\.tsv:2: "):
        read_triples(path)


def test_an_unreadable_file_is_told(tmp_path):
    (tmp_path / "t.tsv.gz").write_bytes(b"not gzip")
    for name in ("absent.tsv", "t.tsv.gz"):
        with pytest.raises(TripleError, match="cannot be read"):
            read_triples(tmp_path / name)


def test_unused_labels_are_left_out():
    triples = TripleSet.from_labels(LABELS, entities=["z", "c"], relations=["s"]).used_only()
    whole = TripleSet.from_labels(LABELS)
    assert (triples.entities, triples.relations) == (whole.entities, whole.relations)
    assert (triples.triples == whole.triples).all()
    assert TripleSet.from_labels([], ["a"], ["r"]).used_only().entities == ()
