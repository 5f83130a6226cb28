"""Public graphs: the published figures, and nothing fetched."""

import gzip
import socket
import zipfile
from pathlib import Path

import pytest

from hereditary_kg.embeddings.errors import TripleError
from hereditary_kg.embeddings.public_graphs import read_public_graph, read_pykeen_dataset

SHARED = Path(__file__).parents[3] / "shared" / "data" / "kge"


@pytest.fixture(scope="module")
def graphs() -> Path:
    if not SHARED.is_dir():
        pytest.skip("../shared/data/kge is absent")
    return SHARED


def sizes(split) -> tuple[int, ...]:
    parts = (split.training, split.validation, split.testing)
    return (len(split.training.entities), len(split.training.relations), *map(len, parts))


def test_fb15k_237_is_as_published(graphs):
    split = read_public_graph(graphs / "FB15k-237")
    assert sizes(split) == (14_541, 237, 272_115, 17_535, 20_466)
    assert {label.split("/")[1] for label in split.training.relations} >= {"film", "people"}
    # The first line of test2id.txt: /m/0fq9zdn as numbers, the tail before the relation.
    with gzip.open(graphs / "FB15k-237" / "test2id.txt.gz", "rt") as lines:
        head, tail, relation = map(int, lines.readlines()[1].split())
    assert [head, relation, tail] in split.testing.triples.tolist()


def test_wn18rr_is_as_published(graphs):
    assert sizes(read_public_graph(graphs / "WN18RR")) == (40_943, 11, 86_835, 3_034, 3_134)


def write_numbered(directory: Path, **changed: str) -> Path:
    texts = {
        "entity2id": "3\na b\t0\nc\t2\nd\t1\n",
        "relation2id": "2\r\nr\t0\r\ns\t1\r\n",
        "train2id": "2\n0 1 1\n1 2 0\n",
        "valid2id": "1\n0 2 0\n",
        "test2id": "0\n",
    }
    for stem, text in (texts | changed).items():
        (directory / f"{stem}.txt").write_bytes(text.encode())
    return directory


def test_numbers_become_labels(tmp_path):
    split = read_public_graph(write_numbered(tmp_path))
    assert split.training.labels() == [("a b", "s", "d"), ("d", "r", "c")]
    assert split.validation.labels() == [("a b", "r", "c")]
    assert len(split.testing) == 0


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"train2id": "2\n0 1 1\n"}, r"train2id\.txt: its first line"),
        ({"train2id": ""}, r"train2id\.txt: its first line"),
        ({"train2id": "1\n0 1\n"}, r"train2id\.txt: line 2 has not"),
        ({"train2id": "1\n0 9 1\n"}, r"train2id\.txt: A triple has a number without a label"),
        ({"entity2id": "2\na\t0\nb\t2\n"}, r"entity2id\.txt: the numbers do not go from 0"),
        ({"entity2id": "1\na 0\n"}, r"entity2id\.txt:2: a line has a label"),
    ],
)
def test_a_broken_numbered_graph_is_told(tmp_path, changed, told):
    with pytest.raises(TripleError, match=told):
        read_public_graph(write_numbered(tmp_path, **changed))


def test_a_graph_of_labels_is_read_with_all_its_entities(tmp_path):
    (tmp_path / "train.tsv").write_text("a\tr\tb\nb\tr\ta\n")
    (tmp_path / "valid.tsv").write_text("a\tr\tonly here\n")
    (tmp_path / "test.tsv").write_text("b\ts\tb\n")
    split = read_public_graph(tmp_path)
    assert sizes(split) == (3, 2, 2, 1, 1)
    assert split.validation.labels() == [("a", "r", "only here")]
    (tmp_path / "valid.tsv").unlink()
    with pytest.raises(TripleError, match=r"no valid\.txt"):
        read_public_graph(tmp_path)


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """Take PyKEEN's files away, and fail whoever asks the network."""
    monkeypatch.setattr("pykeen.datasets.base.PYKEEN_DATASETS", tmp_path)
    asked = []

    def refuse(*arguments, **_):
        asked.append(arguments)
        raise OSError("no network here")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield tmp_path
    assert asked == []


def test_what_comes_with_pykeen_is_read(offline):
    split = read_pykeen_dataset("Nations")
    assert sizes(split) == (14, 55, 1592, 199, 201)
    assert ("brazil", "booktranslations", "usa") in split.whole().labels()


@pytest.mark.usefixtures("offline")
def test_no_dataset_is_fetched():
    from pykeen.datasets import dataset_resolver

    bundled = {"nations", "nationsliteral", "umls", "kinships"}
    for name in sorted(dataset_resolver.options - bundled):
        with pytest.raises(TripleError, match="on this machine"):
            read_pykeen_dataset(name)


def test_a_fetched_dataset_is_read(offline):
    (offline / "fb15k237").mkdir()
    with zipfile.ZipFile(offline / "fb15k237" / "FB15K-237.2.zip", "w") as archive:
        archive.writestr("Release/train.txt", "a\tr\tb\nb\tr\tc\nc\tr\td\n")
        archive.writestr("Release/valid.txt", "a\tr\tc\n")
        archive.writestr("Release/test.txt", "a\tr\td\n")
    split = read_pykeen_dataset("FB15k-237")
    assert split.testing.labels() == [("a", "r", "d")]
    assert sizes(split) == (4, 1, 3, 1, 1)


def test_an_unknown_dataset_is_told():
    with pytest.raises(TripleError, match=r"no dataset 'Nation'\. Did you mean nations"):
        read_pykeen_dataset("Nation")
