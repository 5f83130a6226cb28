"""What is known elsewhere is recognised, and a file of it tells no more than it says."""

import numpy as np
import pytest

from hereditary_kg.embeddings.alignment_keys import AlignmentKey
from hereditary_kg.embeddings.errors import PredictionError
from hereditary_kg.embeddings.known_links import (
    FEWEST_IDENTIFIERS,
    publish_known_links,
    read_known_links,
)
from hereditary_kg.embeddings.label_kinds import Namespaces
from hereditary_kg.embeddings.triples import TripleSet

KEY = AlignmentKey(b"k" * 32)
OTHER = AlignmentKey(b"o" * 32)
NAMESPACES = Namespaces(("term:", "relation:"), ("term:own",))


def _known(count):
    return TripleSet.from_labels(
        [(f"term:{i}", "relation:r", f"term:{i + 1}") for i in range(count)]
    )


def test_known_links_are_recognised_and_no_others(tmp_path):
    publish_known_links(_known(300), NAMESPACES, KEY, "run").write(tmp_path / "known" / "a.links")
    links = read_known_links(tmp_path / "known" / "a.links")
    known = _known(300).labels()
    assert links.contains(known, KEY).all()
    unknown = [(tail, relation, head) for head, relation, tail in known]
    unknown += [(head + relation, "", tail) for head, relation, tail in known]
    unknown += [(head, relation, "term:1") for head, relation, _ in known[1:]]
    assert not links.contains(unknown, KEY).any()
    assert links.contains([], KEY).shape == (0,)


def test_nothing_local_is_in_a_file():
    local = [
        ("person:1", "relation:r", "term:1"),
        ("term:1", "relation:r", "person:1"),
        ("term:1", "own:r", "term:2"),
        ("term:own1", "relation:r", "term:2"),
    ]
    triples = TripleSet.from_labels([*local, *_known(3).labels()])
    links = publish_known_links(triples, NAMESPACES, KEY, "run")
    assert not links.contains(local, KEY).any()
    same = publish_known_links(_known(3), NAMESPACES, KEY, "run")
    assert (links.identifiers == same.identifiers).all()


@pytest.mark.parametrize(
    ("count", "size"), [(0, 1024), (1024, 1024), (1025, 2048), (1500, 2048), (2049, 4096)]
)
def test_the_size_tells_a_power_of_two(count, size):
    assert FEWEST_IDENTIFIERS == 1024
    links = publish_known_links(_known(count), NAMESPACES, KEY, "run")
    assert len(np.unique(links.identifiers)) == len(links.identifiers) == size


def test_identifiers_of_another_key_or_run_do_not_meet():
    one = publish_known_links(_known(2000), NAMESPACES, KEY, "run")
    for other in (
        publish_known_links(_known(2000), NAMESPACES, OTHER, "run"),
        publish_known_links(_known(2000), NAMESPACES, KEY, "other run"),
    ):
        assert not len(np.intersect1d(one.identifiers, other.identifiers))
    with pytest.raises(PredictionError, match="another key"):
        one.contains(_known(1).labels(), OTHER)


def test_two_copies_do_not_tell_what_is_filling():
    one, two = (publish_known_links(_known(9), NAMESPACES, KEY, "run") for _ in range(2))
    assert (one.identifiers == two.identifiers).all()


def test_identifiers_look_as_if_drawn():
    # Real ones and filling are spread alike: of 64 equal parts each has its share of both.
    links = publish_known_links(_known(3000), NAMESPACES, KEY, "run")
    parts = np.bincount((links.identifiers >> np.uint64(58)).astype(int), minlength=64)
    expected = len(links.identifiers) / 64
    assert ((parts - expected) ** 2 / expected).sum() < 120


@pytest.mark.parametrize("damage", ["cut", "magic", "header", "order", "empty", "missing"])
def test_a_damaged_file_is_told(tmp_path, damage):
    path = tmp_path / "a.links"
    publish_known_links(_known(3), NAMESPACES, KEY, "run").write(path)
    content = path.read_bytes()
    damaged = {
        "cut": content[:-3],
        "magic": b"x" + content,
        "header": content.replace(b'"run"', b'"ran"'),
        "order": content[:-8] + bytes(8),
        "empty": b"",
    }
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(damaged[damage])
    with pytest.raises(PredictionError, match=r"a\.links"):
        read_known_links(path)


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    links = publish_known_links(_known(3), NAMESPACES, KEY, "run")
    with pytest.raises(PredictionError, match="cannot be written"):
        links.write(tmp_path / "file" / "a.links")
