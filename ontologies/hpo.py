"""The Human Phenotype Ontology and its annotations, as tables.

Sources: OBO flat file format 1.4 (``hp.obo``); the HPO annotation format
(``phenotype.hpoa``, https://obophenotype.github.io/human-phenotype-ontology/annotations).
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from ontologies.tables import join_values

__all__ = [
    "ANNOTATION_COLUMNS",
    "DISEASE_COLUMNS",
    "FREQUENCY_CLASSES",
    "TERM_COLUMNS",
    "parse_annotations",
    "parse_diseases",
    "parse_frequency",
    "parse_gene_links",
    "parse_terms",
    "read_version",
]

TERM_COLUMNS = (
    "id",
    "label",
    "parents",
    "exact_synonyms",
    "other_synonyms",
    "alternative_ids",
    "obsolete",
    "replaced_by",
    "consider",
)
ANNOTATION_COLUMNS = (
    "disease_id",
    "hpo_id",
    "qualifier",
    "frequency",
    "stated_frequency",
    "onset",
    "sex",
    "aspect",
    "evidence",
)
DISEASE_COLUMNS = ("disease_id", "name")

FREQUENCY_CLASSES: Mapping[str, tuple[str, float, float]] = {
    "HP:0040280": ("Obligate", 1.0, 1.0),
    "HP:0040281": ("Very frequent", 0.80, 0.99),
    "HP:0040282": ("Frequent", 0.30, 0.79),
    "HP:0040283": ("Occasional", 0.05, 0.29),
    "HP:0040284": ("Very rare", 0.01, 0.04),
    "HP:0040285": ("Excluded", 0.0, 0.0),
}
"""HPO's frequency terms: label, lowest and highest share of patients."""

SOURCES = ("OMIM:", "ORPHA:")

_SYNONYM = re.compile(r'"((?:[^"\\]|\\.)*)" (EXACT|RELATED|BROAD|NARROW)')


def read_version(obo: str) -> str:
    """Find the release an OBO file says it is, as ``2025-01-16``.

    Raises:
        ValueError: the file has no ``data-version`` line.
    """
    match = re.search(r"^data-version: hp/releases/(\S+)$", obo, re.MULTILINE)
    if match is None:
        raise ValueError("hp.obo has no data-version line: is it the HPO release file?")
    return match.group(1)


def parse_terms(obo: str) -> Iterator[tuple[str, ...]]:
    """Read an OBO file into rows of ``TERM_COLUMNS``; text definitions are left out."""
    for stanza in obo.split("\n\n"):
        lines = stanza.strip().split("\n")
        if lines[0] != "[Term]":
            continue
        fields: dict[str, list[str]] = defaultdict(list)
        for line in lines[1:]:
            key, _, value = line.partition(": ")
            fields[key].append(value)
        synonyms: dict[bool, set[str]] = {True: set(), False: set()}
        for text in fields["synonym"]:
            if match := _SYNONYM.match(text):
                synonyms[match.group(2) == "EXACT"].add(_unescape(match.group(1)))
        yield (
            fields["id"][0],
            _unescape(fields["name"][0]),
            join_values(sorted(value.split(" ! ")[0].strip() for value in fields["is_a"])),
            join_values(sorted(synonyms[True])),
            join_values(sorted(synonyms[False])),
            join_values(sorted(fields["alt_id"])),
            "true" if "true" in fields["is_obsolete"] else "",
            join_values(fields["replaced_by"]),
            join_values(sorted(fields["consider"])),
        )


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def parse_frequency(stated: str) -> float | None:
    """Turn HPO's three ways of giving a frequency into a share of patients, 0 to 1.

    A class counts as the middle of its range.

    Raises:
        ValueError: the text is none of ``3/7``, ``42%`` and a frequency term.

    >>> parse_frequency("3/4"), parse_frequency("12.5%"), parse_frequency("HP:0040282")
    (0.75, 0.125, 0.545)
    """
    if not stated:
        return None
    if stated in FREQUENCY_CLASSES:
        _, low, high = FREQUENCY_CLASSES[stated]
        return round((low + high) / 2, 4)
    if stated.endswith("%"):
        return round(float(stated[:-1]) / 100, 4)
    with_feature, slash, examined = stated.partition("/")
    if slash and int(examined) > 0:
        return round(int(with_feature) / int(examined), 4)
    raise ValueError(f"not a frequency of HPO's annotation format: {stated!r}")


def _read_rows(hpoa: str) -> Iterator[dict[str, str]]:
    columns: list[str] = []
    for line in hpoa.splitlines():
        if line.startswith("#"):
            continue
        cells = line.split("\t")
        if not columns:
            columns = cells
        elif cells[0].startswith(SOURCES):
            yield dict(zip(columns, cells, strict=True))


def parse_annotations(hpoa: str) -> Iterator[tuple[str, ...]]:
    """Read the annotations of OMIM and ORPHA diseases into rows of ``ANNOTATION_COLUMNS``."""
    for row in _read_rows(hpoa):
        share = parse_frequency(row["frequency"])
        yield (
            row["database_id"],
            row["hpo_id"],
            row["qualifier"],
            "" if share is None else f"{share:g}",
            row["frequency"],
            row["onset"],
            row["sex"],
            row["aspect"],
            row["evidence"],
        )


def parse_diseases(hpoa: str) -> Iterator[tuple[str, str]]:
    """Give each OMIM and ORPHA disease with its name.

    Where the annotations spell a name in several ways, the commonest wins, then the first in
    alphabetical order.
    """
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for row in _read_rows(hpoa):
        spellings[row["database_id"]][row["disease_name"].strip()] += 1
    for disease, names in spellings.items():
        yield disease, min((-count, name) for name, count in names.items())[1]


def parse_gene_links(links: str) -> set[tuple[str, str]]:
    """Give the distinct pairs of NCBI gene id and disease in ``genes_to_phenotype.txt``."""
    rows = (line.split("\t") for line in links.splitlines()[1:])
    return {(cells[0], cells[5]) for cells in rows if cells[5].startswith(SOURCES)}
