"""Selections: declared in a table, read from a site's store, persons told from public terms."""

import tomllib
from pathlib import Path

import pytest

from hereditary_kg.embeddings.errors import SelectionError
from hereditary_kg.embeddings.label_kinds import Namespaces
from hereditary_kg.embeddings.selection import (
    LinkSelection,
    Selection,
    read_selection,
    select_triples,
)
from hereditary_kg.federation.description_lines import find_key_lines
from hereditary_kg.federation.description_tables import TableReader
from hereditary_kg.sites import Site

OBO = "http://purl.obolibrary.org/obo/"
CLINIC = "https://clinic.example.org/"
EX = "http://example.org/"
HAS, BELOW = f"{EX}has", "http://www.w3.org/2000/01/rdf-schema#subClassOf"
DATA = f"""\
@prefix ex: <{EX}> .
@prefix obo: <{OBO}> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
ex:anna a ex:Patient ; ex:has obo:HP_1, obo:HP_2 , "HP:3", 17 , true .
ex:bob a ex:Outpatient ; ex:has obo:HP_1 , [ a ex:Note ] .
ex:rex a ex:Dog ; ex:has obo:HP_2 .
ex:Outpatient rdfs:subClassOf ex:Patient .
obo:HP_2 a owl:Class ; rdfs:subClassOf obo:HP_1 ; rdfs:label "two" .
obo:HP_1 a owl:Class .
<{CLINIC}bed/4> ex:has obo:HP_1 .
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site.create(tmp_path / "clinic", name="clinic", base_iri=CLINIC)
    (tmp_path / "data.ttl").write_text(DATA)
    site.load([tmp_path / "data.ttl"])
    return site


def select(site: Site, *links: LinkSelection, shared=(OBO,), local=()):
    return select_triples(site, Selection(links, Namespaces(shared, local)))


def shortened(labels) -> set[str]:
    short = {OBO: "", EX: "", CLINIC: "here:", "http://www.w3.org/2000/01/rdf-schema#": ""}
    found = set()
    for triple in labels:
        text = " ".join(triple)
        for begin, prefix in short.items():
            text = text.replace(begin, prefix)
        found.add(text)
    return found


def test_triples_between_iris_are_read_and_the_others_counted(site):
    selected = select(site, LinkSelection((HAS, BELOW, f"{EX}unknown")))
    skolem = {line for line in shortened(selected.triples.labels()) if ".well-known" in line}
    assert shortened(selected.triples.labels()) - skolem == {
        "anna has HP_1",
        "anna has HP_2",
        "bob has HP_1",
        "rex has HP_2",
        "here:bed/4 has HP_1",
        "HP_2 subClassOf HP_1",
        "Outpatient subClassOf Patient",
    }
    assert len(skolem) == 1
    assert (selected.literals, selected.blank_nodes, selected.of_other_classes) == (3, 0, 0)
    assert selected.triples.relations == tuple(sorted((HAS, BELOW)))
    assert selected.triples.entities == tuple(sorted(selected.triples.entities))
    assert str(selected).startswith("8 triples of 9 entities and 2 relations; left out are 3 with")


def test_ends_are_of_a_class_or_of_one_below_it(site):
    link = LinkSelection((HAS,), (f"{EX}Patient",), ("http://www.w3.org/2002/07/owl#Class",))
    selected = select(site, link)
    assert shortened(selected.triples.labels()) == {
        "anna has HP_1",
        "anna has HP_2",
        "bob has HP_1",
    }
    assert selected.of_other_classes == 3
    both = select(site, link, LinkSelection((HAS,), (f"{EX}Dog",)))
    assert shortened(both.triples.labels()) - shortened(selected.triples.labels()) == {
        "rex has HP_2"
    }
    assert both.literals == 3


def test_blank_nodes_are_left_out_and_counted(tmp_path):
    site = Site.create(tmp_path / "clinic", name="clinic", base_iri=CLINIC)
    (tmp_path / "data.ttl").write_text(DATA)
    site.load([tmp_path / "data.ttl"], skolemise=False)
    selected = select(site, LinkSelection((HAS,)))
    assert selected.blank_nodes == 1
    assert len(selected.triples) == 5


def test_persons_are_local_and_terms_public(site):
    selected = select(site, LinkSelection((HAS,)), shared=(OBO, EX), local=(f"{EX}anna",))
    entities = selected.triples.entities
    public = {
        label
        for label, is_public in zip(
            entities, selected.namespaces.mark_public(entities), strict=True
        )
        if is_public
    }
    # A wide namespace makes bob and rex public; what is declared local and the bed are not.
    assert public == {f"{OBO}HP_1", f"{OBO}HP_2", f"{EX}bob", f"{EX}rex"}
    narrow = select(site, LinkSelection((HAS,)))
    assert narrow.namespaces.mark_public(narrow.triples.entities).sum() == 2


def test_what_is_below_the_base_iri_is_local_also_in_a_wider_shared_namespace(site):
    selected = select(site, LinkSelection((HAS,)), shared=("https://",))
    assert not selected.namespaces.mark_public(selected.triples.entities).any()
    with pytest.raises(SelectionError, match="lies below the base IRI of site clinic"):
        select(site, LinkSelection((HAS,)), shared=(f"{CLINIC}codes/",))


def test_many_triples_come_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("hereditary_kg.sites.store_columns._PIECE", 10_000)
    site = Site.create(tmp_path / "large", name="large")
    rows = [f"<{EX}{n}> <{HAS}> <{OBO}HP_{n % 7}> .\n" for n in range(2_000)]
    (tmp_path / "data.nt").write_text("".join(rows))
    site.load([tmp_path / "data.nt"])
    selected = select(site, LinkSelection((HAS,)))
    assert set(selected.triples.labels()) == {
        (f"{EX}{n}", HAS, f"{OBO}HP_{n % 7}") for n in range(2_000)
    }


def test_a_caller_keeps_its_hold(site):
    with site.hold():
        select(site, LinkSelection((HAS,)))
        assert site._lock is not None


def test_nothing_selected_is_explained(site):
    with pytest.raises(
        SelectionError, match=rf"no triple of the selected.*The nearest .*: {HAS}\.$"
    ):
        select(site, LinkSelection((f"{EX}hass",)))
    with pytest.raises(SelectionError, match=r"Some between IRIs there: "):
        select(site, LinkSelection(("urn:x",)))
    with pytest.raises(SelectionError, match=r"6 triples .* none whose ends are of the classes"):
        select(site, LinkSelection((HAS,), (f"{EX}Cat",)))
    label = "http://www.w3.org/2000/01/rdf-schema#label"
    with pytest.raises(SelectionError, match="1 literals and 0 blank nodes"):
        select(site, LinkSelection((label,)))


def test_an_empty_site_is_told(tmp_path):
    with pytest.raises(SelectionError, match="Some between IRIs there: none"):
        select(Site.create(tmp_path / "empty", name="empty"), LinkSelection((HAS,)))


def read(text: str) -> Selection:
    table = TableReader(Path("training.toml"), find_key_lines(text), (), tomllib.loads(text))
    return read_selection(table.table("selection"))


TABLE = f"""\
[selection]
shared_namespaces = ["{OBO}", "http://identifiers.org/hgnc/"]
local_namespaces = ["{OBO}our_"]

[[selection.links]]
predicates = ["{HAS}", "{HAS}"]
subject_classes = ["{EX}Patient"]

[[selection.links]]
predicates = ["{BELOW}"]
"""


def test_a_table_is_read():
    selection = read(TABLE)
    assert selection == Selection(
        (LinkSelection((HAS,), (f"{EX}Patient",)), LinkSelection((BELOW,))),
        Namespaces((OBO, "http://identifiers.org/hgnc/"), (f"{OBO}our_",)),
    )
    assert selection.predicates == (HAS, BELOW)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("local_namespaces", "local_namespace", r":3: .*did you mean 'local_namespaces'\?"),
        ("subject_classes", "subject_class", r":7: .*did you mean 'subject_classes'\?"),
        (f'["{BELOW}"]', '["rdfs:sub Class"]', r":10: .*is no IRI; write it whole"),
        (f'["{BELOW}"]', f'["<{BELOW}>"]', r":10: .*is no IRI; write it whole"),
        (f'["{BELOW}"]', "[]", r":10: .*predicates: is missing"),
        (f'predicates = ["{BELOW}"]', "", r":9: .*predicates: is missing"),
        ("shared_namespaces", "# ", r":1: selection\.shared_namespaces: is missing"),
        (f'["{OBO}our_"]', '["http://identifiers.org/"]', r":2: .*hgnc/ lies in a namespace that"),
        (f'["{OBO}our_"]', "true", r":3: .*must be a list of texts"),
        ("[[selection.links]]", "[[selection.link]]", r":1: .*did you mean 'links'\?"),
    ],
)
def test_a_wrong_table_is_told_by_line(old, new, told):
    with pytest.raises(SelectionError, match=r"^training\.toml" + told):
        read(TABLE.replace(old, new))


def test_a_table_without_links_is_told():
    with pytest.raises(SelectionError, match=r"links: is missing; name what is trained on"):
        read(TABLE[: TABLE.index("[[")])
