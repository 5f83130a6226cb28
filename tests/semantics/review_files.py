"""A small mapping set to review, and the hub around it."""

from pathlib import Path

import polars as pl
from small_hub import MONDO, mapping_rows

from hereditary_kg.semantics.hub import Hub
from hereditary_kg.semantics.review.reviewers import Reviewer
from hereditary_kg.semantics.terminology import EDGES, SYNONYMS, TERMS, Terminology

ADA, BOB, CYD = Reviewer("orcid:0000-0002-1825-0097"), Reviewer("Bob"), Reviewer("Cyd")

HEADER = """\
## a comment that stays
#mapping_set_id: https://example.org/candidates.sssom.tsv
#license: https://creativecommons.org/publicdomain/zero/1.0/
#curie_map:
#  MONDO: http://purl.obolibrary.org/obo/MONDO_
#  NCIT: http://purl.obolibrary.org/obo/NCIT_
"""
COLUMNS = (
    "subject_id\tsubject_label\tpredicate_id\tobject_id\tobject_label\t"
    "mapping_justification\tconfidence\tcomment\n"
)
ROWS = [
    ("MONDO:0004976", "NCIT:C34373", "amyotrophic lateral sclerosis", "0.99"),
    ("MONDO:0005144", "NCIT:C34374", "familial ALS", "0.9"),
    ("MONDO:0007103", "NCIT:C34375", "ALS 1", "0.8"),
    ("MONDO:0000001", "NCIT:C2991", "Disease or Disorder", "0.7"),
    ("MONDO:0000005", "NCIT:C99999", "solitude", "0.1"),
]

NCIT = Terminology(
    "NCIT",
    "26.02d",
    pl.DataFrame(
        [
            (
                "NCIT:C34373",
                "Amyotrophic Lateral Sclerosis",
                "A neurodegenerative disease.",
                False,
                [],
            ),
            ("NCIT:C4802", "Neurodegenerative Disorder", None, False, []),
        ],
        schema=TERMS,
        orient="row",
    ),
    pl.DataFrame(
        [("NCIT:C34373", "als", "exact"), ("NCIT:C34373", "Lou Gehrig Disease", "exact")],
        schema=SYNONYMS,
        orient="row",
    ),
    pl.DataFrame([("NCIT:C34373", "NCIT:C4802")], schema=EDGES, orient="row"),
)
HUB = Hub(
    {"MONDO": MONDO, "NCIT": NCIT},
    mapping_rows(
        [
            ("MONDO:0004976", "skos:exactMatch", "NCIT:C4802"),
            ("MONDO:0007103", "skos:exactMatch", "OMIM:105400"),
        ]
    ),
)


def write_candidates(path: Path, rows=ROWS) -> bytes:
    """Write the candidates, and give the file's bytes."""
    lines = [
        f"{subject}\t\tskos:exactMatch\t{target}\t{label}\tsemapv:LexicalMatching\t{confidence}\t\n"
        for subject, target, label, confidence in rows
    ]
    path.write_text(HEADER + COLUMNS + "".join(lines), encoding="utf-8")
    return path.read_bytes()
