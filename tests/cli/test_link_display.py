"""Predicted links as a curator sees them, in 100 columns."""

import io

import polars as pl
import pytest

from hereditary_kg.cli.link_display import print_links
from hereditary_kg.cli.settings import open_console

BIOLINK = "https://w3id.org/biolink/vocab/"
HGNC, ORDO = "http://identifiers.org/hgnc/", "http://www.orpha.net/ORDO/Orphanet_"
HPO = "http://purl.obolibrary.org/obo/HP_"
CAUSES, SHOWS = f"{BIOLINK}gene_associated_with_condition", f"{BIOLINK}has_phenotype"
LINK = {
    "model": "demo/registry",
    "rank": 1,
    "head": f"{HGNC}6323",
    "relation": CAUSES,
    "tail": f"{ORDO}64746",
    "score": 12.25,
    "probability": 0.412,
    "nearest": [
        {"head": f"{HGNC}16636", "tail": "http://example.org/own/7", "similarity": 0.834},
        {"head": f"{HGNC}1", "tail": f"{ORDO}1", "similarity": 0.5},
    ],
    "paths": [
        {
            "relations": [CAUSES, SHOWS, f"^{SHOWS}"],
            "through": [f"{ORDO}100991", f"{HPO}0002936"],
        }
    ],
}
NAMES = {
    f"{HGNC}6323": "KIF5A",
    f"{ORDO}64746": "Charcot-Marie-Tooth disease type 2",
    f"{HGNC}16636": "KIF1B",
    f"{HPO}0002936": "Distal sensory impairment",
}
SHOWN = """\
demo/registry: https://w3id.org/biolink/vocab/gene_associated_with_condition
rank  link                                                                        score  probability
────────────────────────────────────────────────────────────────────────────────────────────────────
   1  KIF5A HGNC:6323 → Charcot-Marie-Tooth disease type 2 ORPHA:64746           12.250        0.412
      alike KIF1B → <http://example.org/own/7> (0.83)
      path  → ORPHA:100991 -has_phenotype→ Distal sensory impairment
            ←has_phenotype-
"""


@pytest.mark.parametrize("probability", [0.412, None])
def test_a_link_is_told_by_names_codes_and_reasons(probability):
    written = io.StringIO()
    links = pl.DataFrame([LINK | {"probability": probability}], infer_schema_length=None)
    print_links(open_console(file=written), links, NAMES)
    told = "" if probability is None else "0.412"
    expected = SHOWN.replace("0.412", told)
    lines = [line.rstrip() for line in written.getvalue().splitlines()]
    assert lines == [line.rstrip() for line in expected.splitlines()]
