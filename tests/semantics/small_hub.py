"""A hub that fits on a page: four vocabularies of diseases, and genes."""

import polars as pl

from hereditary_kg.semantics.hub import MAPPINGS, Hub
from hereditary_kg.semantics.terminology import EDGES, SYNONYMS, TERMS, Terminology

SET = "https://example.org/mappings.sssom.tsv"

_TERMS = [
    ("MONDO:0004976", "amyotrophic lateral sclerosis", "A disease.", False, []),
    ("MONDO:0005144", "familial amyotrophic lateral sclerosis", None, False, []),
    ("MONDO:0007103", "amyotrophic lateral sclerosis type 1", None, False, []),
    ("MONDO:0000001", "disease", None, False, []),
    ("MONDO:0000009", "obsolete sclerosis", None, True, ["MONDO:0004976"]),
    ("MONDO:0000008", "obsolete oddity", None, True, []),
    ("MONDO:0000005", "lonely disease", None, False, []),
]
_EDGES = [
    ("MONDO:0005144", "MONDO:0004976"),
    ("MONDO:0007103", "MONDO:0005144"),
    ("MONDO:0004976", "MONDO:0000001"),
]
_MAPPED = [
    ("MONDO:0004976", "skos:exactMatch", "NCIT:C34373"),
    ("MONDO:0004976", "skos:exactMatch", "ORPHA:803"),
    ("MONDO:0007103", "skos:exactMatch", "OMIM:105400"),
    ("MONDO:0000008", "skos:exactMatch", "OMIM:999999"),
    ("MONDO:0000009", "skos:exactMatch", "OMIM:888888"),
    ("MONDO:0000005", "skos:exactMatch", "OMIM:777777"),
    ("MONDO:0004976", "skos:exactMatch", "DOID:332"),
    ("MONDO:0004976", "skos:exactMatch", "DOID:333"),
    ("ICD10:G12.2", "skos:narrowMatch", "MONDO:0004976"),
]


def mapping_rows(rows, source=SET):
    """Make a frame of mappings of (subject, predicate, object)."""
    return pl.DataFrame(
        [
            (*row, "semapv:ManualMappingCuration", 0.9, None, None, f"{source}#{number}", "CC0")
            for number, row in enumerate(rows, 1)
        ],
        schema=MAPPINGS,
        orient="row",
    )


MONDO = Terminology(
    "MONDO",
    "2026-05-05",
    pl.DataFrame(_TERMS, schema=TERMS, orient="row"),
    pl.DataFrame([("MONDO:0004976", "ALS", "exact")], schema=SYNONYMS, orient="row"),
    pl.DataFrame(_EDGES, schema=EDGES, orient="row"),
    "Mondo",
    "CC BY 4.0",
    "mondo.obo",
)
HGNC = Terminology(
    "HGNC",
    "2025-06-03",
    pl.DataFrame(
        [
            ("HGNC:11179", "SOD1", None, False, []),
            ("HGNC:4177", "GBA1", None, False, []),
            ("HGNC:8607", "PRKN", None, False, []),
            ("HGNC:1", "AAA1", None, False, []),
            ("HGNC:2", "AAA2", None, False, []),
            ("HGNC:3", "GONE", None, True, []),
        ],
        schema=TERMS,
        orient="row",
    ),
    pl.DataFrame(
        [
            ("HGNC:4177", "GBA", "previous"),
            ("HGNC:8607", "PARK2", "previous"),
            ("HGNC:8607", "parkin", "related"),
            ("HGNC:1", "AAA", "previous"),
            ("HGNC:2", "AAA", "previous"),
            ("HGNC:1", "SOD1", "related"),
            ("HGNC:3", "WENT", "previous"),
        ],
        schema=SYNONYMS,
        orient="row",
    ),
)
HUB = Hub(
    {"HGNC": HGNC, "MONDO": MONDO},
    mapping_rows(_MAPPED).sort("subject", "predicate", "object"),
    {SET: {"title": "Mappings", "version": "1", "licence": "CC0", "file": "mappings.sssom.tsv"}},
    {"NCIT:C34373": "Amyotrophic Lateral Sclerosis"},
)
