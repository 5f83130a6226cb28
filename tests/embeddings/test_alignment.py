"""Alignment: equal terms meet, persons never appear, and the server sees no label."""

import hashlib
import hmac
import stat

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hereditary_kg.embeddings.alignment import RowMap, SiteVocabulary, VocabularyOffer
from hereditary_kg.embeddings.alignment_keys import (
    AlignmentKey,
    create_alignment_key,
    read_alignment_key,
)
from hereditary_kg.embeddings.errors import (
    AlignmentError,
    AlignmentKeyError,
    NothingSharedError,
    SingleSiteError,
    UnalignedVocabulariesError,
)
from hereditary_kg.embeddings.global_numbering import align_vocabularies
from hereditary_kg.embeddings.label_kinds import EVERYTHING_PUBLIC, LabelKind, Namespaces
from hereditary_kg.embeddings.set_intersection import intersect_all
from hereditary_kg.embeddings.triples import TripleSet

KEY = AlignmentKey(bytes(range(32)))
NAMESPACES = Namespaces(("hp:", "rel:"), ("hp:our",))
TERMS = [f"hp:{number}" for number in range(8)] + ["hp:our1", "patient:1", "patient:2"]
RELATIONS = ["rel:has", "rel:of", "private"]

vocabularies = st.tuples(
    st.lists(st.sampled_from(TERMS), unique=True), st.lists(st.sampled_from(RELATIONS), unique=True)
)


def offer(site, entities, relations=(), *, key=KEY, run="run 1", namespaces=NAMESPACES, **common):
    vocabulary = SiteVocabulary(site, tuple(entities), tuple(relations), namespaces)
    return vocabulary.offer(key, run, **common)


def align(offered, fewest_holders=2):
    aligned = align_vocabularies([each.offer for each in offered], fewest_holders)
    return aligned, [each.read_answer(aligned.answers[each.offer.site]) for each in offered]


@given(
    st.lists(vocabularies, min_size=2, max_size=4),
    st.integers(2, 3),
    st.binary(min_size=32, max_size=32),
)
def test_terms_of_enough_sites_have_one_row_each(drawn, fewest, secret):
    sites = [(["hp:everywhere", *entities], relations) for entities, relations in drawn]
    fewest = min(fewest, len(sites))
    offered = [
        offer(f"site {place}", entities, relations, key=AlignmentKey(secret))
        for place, (entities, relations) in enumerate(sites)
    ]
    aligned, alignments = align(offered, fewest)
    for which, rows, holders, counts in (
        (0, "entities", aligned.entity_holders, aligned.entities_in_common),
        (1, "relations", aligned.relation_holders, aligned.relations_in_common),
    ):
        public = [set(filter(NAMESPACES.is_public, site[which])) for site in sites]
        held = {label: sum(label in each for each in public) for label in set().union(*public)}
        found = {}
        for site, alignment in zip(sites, alignments, strict=True):
            for label, row in zip(site[which], getattr(alignment, rows).tolist(), strict=True):
                assert (row >= 0) == (held.get(label, 0) >= fewest)
                if row >= 0:
                    assert found.setdefault(label, row) == row
        assert sorted(found.values()) == list(range(len(holders)))
        assert {label: holders[row] for label, row in found.items()} == {
            label: count for label, count in held.items() if count >= fewest
        }
        assert counts.tolist() == [[len(one & other) for other in public] for one in public]


def test_terms_are_shared_public_or_local():
    one = offer("a", ["patient:1", "hp:1", "hp:2", "hp:our1"], ["rel:has", "private"])
    two = offer("b", ["hp:1", "hp:our1", "patient:1", "hp:3"], ["rel:has", "private"])
    aligned, (at_one, _) = align([one, two])
    assert at_one.labels(LabelKind.SHARED) == ("hp:1",)
    assert at_one.labels(LabelKind.PUBLIC) == ("hp:2",)
    assert at_one.labels(LabelKind.LOCAL) == ("patient:1", "hp:our1")
    assert at_one.relation_kinds() == (LabelKind.SHARED, LabelKind.LOCAL)
    assert str(at_one) == (
        "a: entities: 1 shared, 1 public, 2 local; relations: 1 shared, 0 public, 1 local"
    )
    unknown = "how many are local is not known here"
    assert str(aligned).splitlines()[1:] == [
        f"{site}: entities: 1 shared, 1 public; relations: 1 shared, 0 public; {unknown}"
        for site in "ab"
    ]
    assert str(aligned).startswith("1 shared entities, 1 shared relations at 2 sites. The")
    assert aligned.partition.kind == "horizontal"


def test_no_label_nor_a_hash_that_can_be_tried_out_is_sent():
    sent = offer("a", TERMS, RELATIONS).offer
    identifiers = {bytes(row) for row in (*sent.entities, *sent.relations)}
    assert len(identifiers) == 8 + 2
    tried = set()
    for label in [*TERMS, *RELATIONS]:
        for text in (label, f"run 1{label}", f"entity{label}"):
            tried.add(hashlib.sha256(text.encode()).digest()[:16])
            tried.add(hmac.digest(b"", text.encode(), "sha256")[:16])
            tried.add(hmac.digest(b"run 1", text.encode(), "sha256")[:16])
            tried.add(hmac.digest(bytes(32), text.encode(), "sha256")[:16])
    assert not identifiers & tried
    # Persons and other local things do not appear under the key either.
    public_only = offer("a", filter(NAMESPACES.is_public, TERMS), RELATIONS[:2]).offer
    assert (public_only.entities == sent.entities).all()
    assert (public_only.relations == sent.relations).all()


def test_identifiers_are_those_of_hmac():
    """A second computation, by the definition in RFC 2104 and from the documented context."""

    def keyed(key, text):
        inner, outer = (bytes(b ^ pad for b in key.ljust(64, b"\0")) for pad in (0x36, 0x5C))
        return hashlib.sha256(outer + hashlib.sha256(inner + text).digest()).digest()

    derived = keyed(bytes(range(32)), b"hereditary_kg alignment 1\0entity\0run 1")
    sent = offer("a", ["hp:1"]).offer
    assert bytes(sent.entities[0]) == keyed(derived, b"hp:1")[:16]


def test_identifiers_of_another_run_key_or_kind_do_not_meet():
    sent = [
        offer("a", TERMS).offer.entities,
        offer("a", TERMS, run="run 2").offer.entities,
        offer("a", TERMS, key=AlignmentKey(bytes(32))).offer.entities,
        offer("a", [], TERMS).offer.relations,
    ]
    assert len({bytes(row) for identifiers in sent for row in identifiers}) == 4 * 8


def test_the_order_of_an_offer_is_not_that_of_the_labels():
    labels = [f"hp:{number:03}" for number in range(50)]
    offered = offer("a", labels)
    assert sorted(offered.entity_rows.tolist()) == list(range(50))
    assert offered.entity_rows.tolist() != list(range(50))
    shuffled = offer("a", labels[::-1])
    assert (shuffled.offer.entities == offered.offer.entities).all()


def test_after_a_private_intersection_only_common_terms_are_offered():
    sites = {"a": [*TERMS[:6], "patient:1"], "b": TERMS[4:8], "c": TERMS[:1]}
    whole = {
        site: SiteVocabulary(site, tuple(terms), ("rel:has",), NAMESPACES)
        for site, terms in sites.items()
    }
    common = intersect_all({site: each.public_entities() for site, each in whole.items()}, "run 1")
    assert common == {"a": ("hp:0", "hp:4", "hp:5"), "b": ("hp:4", "hp:5"), "c": ("hp:0",)}
    offered = [
        each.offer(KEY, "run 1", common_entities=common[site]) for site, each in whole.items()
    ]
    assert [len(each.offer.entities) for each in offered] == [3, 2, 1]
    _, restricted = align(offered)
    _, plain = align([each.offer(KEY, "run 1") for each in whole.values()])
    for one, other in zip(restricted, plain, strict=True):
        assert (one.entities == other.entities).all()
        assert (one.relations == other.relations).all()


def test_a_private_intersection_does_not_make_local_terms_public():
    offered = offer("a", ["patient:1", "hp:1"], common_entities=("patient:1", "hp:1"))
    assert len(offered.offer.entities) == 1


def test_the_vocabulary_of_triples_is_taken():
    triples = TripleSet.from_labels([("x", "r", "y")])
    vocabulary = SiteVocabulary.of_triples("a", triples, EVERYTHING_PUBLIC)
    assert vocabulary.public_entities() == ("x", "y")
    assert vocabulary.public_relations() == ("r",)


def test_one_site_alone_is_told():
    with pytest.raises(SingleSiteError, match=r"only a takes part.*train at this site by itself"):
        align([offer("a", TERMS)])
    with pytest.raises(SingleSiteError, match="no site takes part"):
        align([])


def test_a_site_without_shared_entities_is_told():
    with pytest.raises(NothingSharedError, match=r"No entity of c \(offers 1\), d \(offers 0\)"):
        align([offer("a", TERMS), offer("b", TERMS), offer("c", ["hp:9"]), offer("d", [])])
    with pytest.raises(NothingSharedError, match=r"held by 3 sites.*shared_namespaces"):
        align([offer(name, ["hp:1", f"hp:{name}"]) for name in "ab"] + [offer("c", ["hp:c"])], 3)
    with pytest.raises(NothingSharedError, match="No entity of a"):
        align([offer("a", []), offer("b", [])])


def test_unaligned_vocabularies_are_told():
    other = AlignmentKey(bytes(32))
    with pytest.raises(UnalignedVocabulariesError, match="a and b have different keys"):
        align([offer("a", TERMS), offer("b", TERMS, key=other)])
    with pytest.raises(UnalignedVocabulariesError, match="a takes part in run 'run 1', and b in"):
        align([offer("a", TERMS), offer("b", TERMS, run="run 2")])


def test_two_sites_of_one_name_are_told():
    with pytest.raises(AlignmentError, match="Two sites have one name"):
        align([offer("a", TERMS), offer("a", TERMS)])


@pytest.mark.parametrize("fewest", [0, 1, 3])
def test_what_one_site_alone_holds_is_never_shared(fewest):
    with pytest.raises(AlignmentError, match="what one site alone holds never leaves it"):
        align([offer("a", TERMS), offer("b", TERMS)], fewest)


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows[::-1],
        lambda rows: rows[[0, 0, 1]],
        lambda rows: rows[:, :15],
        lambda rows: rows.astype(np.int64),
        lambda rows: rows.reshape(-1),
    ],
)
def test_a_malformed_offer_is_refused(change):
    right = offer("a", TERMS)
    sent = right.offer
    wrong = VocabularyOffer("b", sent.run, sent.check, change(sent.entities), sent.relations)
    with pytest.raises(AlignmentError, match="b offers no list of identifiers"):
        align_vocabularies([sent, wrong])


@pytest.mark.parametrize("rows", [[0], [0, 2], [0, 0], [0, -2], [0, 1, -1]])
def test_an_answer_to_another_offer_is_refused(rows):
    offered = offer("a", ["hp:1", "hp:2"])
    nothing = np.empty(0, dtype=np.int64)
    with pytest.raises(AlignmentError, match="does not belong to what this site offered"):
        offered.read_answer(RowMap(np.array(rows), nothing, 2, 0))


def test_a_key_is_made_and_read(tmp_path, monkeypatch):
    path = tmp_path / "alignment.key"
    made = create_alignment_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_alignment_key(path=path).reveal() == made.reveal()
    monkeypatch.setenv("ALIGNMENT_KEY", made.reveal().hex().upper())
    assert read_alignment_key(variable="ALIGNMENT_KEY").reveal() == made.reveal()
    assert made.reveal().hex() not in repr(made)
    assert create_alignment_key(tmp_path / "other").reveal() != made.reveal()
    with pytest.raises(AlignmentKeyError, match="the file exists"):
        create_alignment_key(path)
    with pytest.raises(AlignmentKeyError, match="cannot be written"):
        create_alignment_key(tmp_path / "absent" / "key")


def test_a_key_that_others_may_read_is_refused(tmp_path):
    path = tmp_path / "alignment.key"
    create_alignment_key(path)
    path.chmod(0o640)
    with pytest.raises(AlignmentKeyError, match="chmod 600"):
        read_alignment_key(path=path)


@pytest.mark.parametrize("text", ["", "ab" * 31, "ab" * 33, "secret words " * 5, "é"])
def test_what_is_no_key_is_told_and_not_shown(tmp_path, monkeypatch, text):
    path = tmp_path / "alignment.key"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    monkeypatch.setenv("ALIGNMENT_KEY", text)
    for place in ({"path": path}, {"variable": "ALIGNMENT_KEY"}):
        with pytest.raises(AlignmentKeyError) as raised:
            read_alignment_key(**place)
        assert not text or text.strip() not in str(raised.value)


def test_a_key_has_one_place(tmp_path):
    with pytest.raises(AlignmentKeyError, match="name either a file or an environment"):
        read_alignment_key()
    with pytest.raises(AlignmentKeyError, match="name either a file or an environment"):
        read_alignment_key(path=tmp_path, variable="KEY")
    with pytest.raises(AlignmentKeyError, match="cannot be read: No such file"):
        read_alignment_key(path=tmp_path / "absent")
    with pytest.raises(AlignmentKeyError, match="variable KEY_THAT_NOBODY_SET is not set"):
        read_alignment_key(variable="KEY_THAT_NOBODY_SET")
    with pytest.raises(AlignmentKeyError, match="A key has 32 bytes; this has 3"):
        AlignmentKey(b"abc")
