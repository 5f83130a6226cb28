"""Reading the sources' own formats."""

import pytest

from ontologies import hgnc, hpo, mondo

OBO = r"""format-version: 1.2
data-version: hp/releases/2030-02-03

[Term]
id: HP:0000001
name: All

[Term]
id: HP:0000002
name: Some \"quoted\" thing
alt_id: HP:0000009
def: "Prose that stays out." [PMID:1]
synonym: "Thing" EXACT layperson []
synonym: "Wide thing" BROAD []
is_a: HP:0000001 ! All

[Term]
id: HP:0000003
name: obsolete Thing
is_obsolete: true
replaced_by: HP:0000002

[Typedef]
id: part_of
name: part of
"""

HPOA = """#version: 2030-02-03
database_id\tdisease_name\tqualifier\thpo_id\tfrequency\tonset\tsex\taspect\tevidence
OMIM:1\tA disease\t\tHP:0000002\t3/4\t\tMALE\tP\tPCS
OMIM:1\ta disease\tNOT\tHP:0000001\t\t\t\tP\tTAS
OMIM:1\tA disease\t\tHP:0000001\tHP:0040283\t\t\tP\tTAS
DECIPHER:1\tElse\t\tHP:0000001\t\t\t\tP\tIEA
"""


def test_terms_carry_labels_synonyms_and_edges_but_no_prose():
    rows = list(hpo.parse_terms(OBO))
    assert rows[1] == (
        "HP:0000002",
        'Some "quoted" thing',
        "HP:0000001",
        "Thing",
        "Wide thing",
        "HP:0000009",
        "",
        "",
        "",
    )
    assert rows[2][6:8] == ("true", "HP:0000002")
    assert len(rows) == 3
    assert not any("Prose" in cell for row in rows for cell in row)


def test_version_is_read():
    assert hpo.read_version(OBO) == "2030-02-03"
    with pytest.raises(ValueError, match="data-version"):
        hpo.read_version("format-version: 1.2\n")


@pytest.mark.parametrize(
    ("stated", "share"),
    [
        ("", None),
        ("3/7", 0.4286),
        ("0/5", 0.0),
        ("42%", 0.42),
        ("12.5%", 0.125),
        ("HP:0040280", 1.0),
        ("HP:0040281", 0.895),
        ("HP:0040285", 0.0),
    ],
)
def test_frequencies_become_shares(stated, share):
    assert hpo.parse_frequency(stated) == share


@pytest.mark.parametrize("stated", ["often", "3/0", "HP:0001250"])
def test_other_frequencies_are_refused(stated):
    with pytest.raises(ValueError, match=r"."):
        hpo.parse_frequency(stated)


def test_annotations_keep_the_stated_frequency_beside_the_share():
    assert list(hpo.parse_annotations(HPOA)) == [
        ("OMIM:1", "HP:0000002", "", "0.75", "3/4", "", "MALE", "P", "PCS"),
        ("OMIM:1", "HP:0000001", "NOT", "", "", "", "", "P", "TAS"),
        ("OMIM:1", "HP:0000001", "", "0.17", "HP:0040283", "", "", "P", "TAS"),
    ]


def test_the_commonest_spelling_of_a_name_wins():
    assert list(hpo.parse_diseases(HPOA)) == [("OMIM:1", "A disease")]


def test_genes_without_a_protein_need_a_disease():
    head = (
        "hgnc_id\tsymbol\tname\tlocus_group\tstatus\tlocation\talias_symbol\tprev_symbol\tentrez_id"
    )
    table = "\n".join(
        [
            head,
            'HGNC:1\tAAA\tfirst\tprotein-coding gene\tApproved\t1p1\t"X|Y"\t\t11',
            "HGNC:2\tBBB\tsecond\tpseudogene\tApproved\t2p1\t\t\t12",
            "HGNC:3\tCCC\tthird\tnon-coding RNA\tApproved\t3p1\t\t\t13",
        ]
    )
    genes = list(hgnc.parse_genes(table, {"13"}))
    assert [gene[1] for gene in genes] == ["AAA", "CCC"]
    assert genes[0][3] == "X|Y"
    links, unknown = hgnc.link_diseases({("13", "OMIM:1"), ("99", "OMIM:2")}, genes)
    assert links == [("OMIM:1", "HGNC:3", "CCC", "13")]
    assert unknown == ["99"]


def test_mondo_parents_are_the_nearest_ancestors():
    document = b"""{"MONDO:2": {"label": "b", "deprecated": false,
        "ancestors": {"MONDO:1": 1, "MONDO:0": 2}, "synonyms": ["z", "y"]}}"""
    assert list(mondo.parse_terms(document)) == [("MONDO:2", "b", "MONDO:1", "y|z", "", "", "")]


def test_mappings_are_kept_for_the_chosen_terminologies():
    head = "subject_id\tsubject_label\tpredicate_id\tobject_id\tobject_label\tmapping_justification"
    sssom = "\n".join(
        [
            "# license: unspecified",
            head,
            "MONDO:1\ta\tskos:exactMatch\tOMIM:7\tA\tsemapv:UnspecifiedMatching",
            "MONDO:1\ta\tskos:exactMatch\tUMLS:C7\t\tsemapv:UnspecifiedMatching",
        ]
    )
    assert [row[3] for row in mondo.parse_mappings(sssom)] == ["OMIM:7"]
