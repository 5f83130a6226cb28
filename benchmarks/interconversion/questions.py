"""What is asked, in the user's codes and words, and what is right.

Each question is one federated query. Its ``read`` brings an answer to comparable facts;
``published`` are figures that were measured beforehand, by other means; ``found`` gives what plain
Python finds in the files, as the same facts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from benchmarks.interconversion.raw_oracle import RawOracle
from hereditary_kg.semantics.errors import IdentifierError, UnknownTermError
from hereditary_kg.semantics.expansion import Bound
from hereditary_kg.semantics.hub import Hub
from hereditary_kg.semantics.identifiers import normalise

__all__ = ["QUESTIONS", "Question", "symbol"]

Facts = Mapping[str, Any]

_GENES = """\
?person study:diagnosis ?disease ; study:pseudonym ?pseudonym .
  ?case hero:individual ?pseudonym .
  ?variation hero:caseLevelData ?case ; hero:molecularAttributes ?attributes .
  ?attributes study:gene ?gene"""
"""From a person of the clinic, by the trustee's pseudonym, to the genes of the laboratory."""


@dataclass(frozen=True)
class Question:
    """A question.

    Attributes:
        name: for the command line.
        title: the question in words.
        text: the query.
        read: gives the facts of an answer: its rows, and the hub, which knows labels.
        found: gives what plain Python finds in the files.
        published: facts as they were published; a part of all of them.
        bounds: what the certificate may say of the codes that were asked for, by member and
            predicate. Where a member has codes that the hub does not know, it may say that as well.
        converted: whether the federation converts; without, members are asked for the code alone.
    """

    name: str
    title: str
    text: str
    read: Callable[[pl.DataFrame, Hub], Facts]
    found: Callable[[RawOracle], Facts]
    published: Facts
    bounds: Mapping[str, tuple[Bound, ...]] = field(default_factory=dict)
    converted: bool = True


_EXACT = (Bound.EXACT, Bound.LOWER)
_UPPER = (Bound.UPPER,)


def symbol(gene: str, hub: Hub) -> str:
    """Give a gene's current symbol; what is no code, such as an ambiguous symbol, as it is."""
    try:
        return hub.term(normalise(gene)).label or gene
    except (IdentifierError, UnknownTermError):
        return gene


def _counted(frame: pl.DataFrame, _: Hub) -> Facts:
    """Read a frame of one row of numbers."""
    return frame.row(0, named=True)


def _patients(frame: pl.DataFrame, _: Hub) -> Facts:
    counts = dict.fromkeys(_ASKED, 0)
    return counts | {normalise(asked): count for asked, count in frame.iter_rows()}


_ASKED = ("NCIT:C34373", "NCIT:C26845", "NCIT:C4802")
_MS = "NCIT:C3243"


def _raw_patients(oracle: RawOracle) -> Facts:
    return {asked: len(oracle.clinic(asked)) for asked in _ASKED}


def _raw_sclerosis(oracle: RawOracle) -> Facts:
    clinic, cohort = oracle.clinic(_MS), oracle.cohort(_MS)
    female = [each for each in clinic if each["subject"].get("sex") == "FEMALE"]
    female += [each for each in cohort if each["sex"]["id"] == "NCIT:C16576"]
    return {"patients": len(clinic) + len(cohort), "female": len(female)}


def _evidence(frame: pl.DataFrame, hub: Hub) -> Facts:
    rows = {
        (symbol(gene, hub), site.rpartition("/")[2], code)
        for gene, site, code in frame.select("gene", "site", "evidence").iter_rows()
    }
    return _shares(rows)


def _shares(rows: set[tuple[str, str, str]]) -> Facts:
    """Give rows of gene, site and code, and how the genes lie to each other by site."""
    a, b, d = ({gene for gene, site, _ in rows if site == name} for name in "ABD")
    return {
        "rows": rows,
        "A": len(a),
        "B": len(b),
        "D": len(d),
        "union": len(a | b | d),
        "B and D": len(b & d),
        "all three": sorted(a & b & d),
    }


def _raw_evidence(oracle: RawOracle) -> Facts:
    asked = "NCIT:C34373"
    persons = {packet["id"]: packet for packet in oracle.clinic(asked)}
    rows = {
        (gene, "A", persons[name]["interpretations"][0]["diagnosis"]["disease"]["id"])
        for gene, names in oracle.laboratory_genes(asked).items()
        for name in names
    }
    rows |= {(gene, "B", code) for gene, code in oracle.registry_genes(asked)}
    rows |= {(gene, "D", code) for gene, code in oracle.associated_genes(asked)}
    return _shares(rows)


def _symbols(frame: pl.DataFrame, hub: Hub) -> Facts:
    genes = {symbol(gene, hub) for gene in frame["gene"]}
    return {"genes": genes, "number": len(genes), **_renamed(genes)}


def _renamed(genes: set[str]) -> Facts:
    return {f"{now} for {before}": now in genes and before not in genes for before, now in _RENAMED}


_RENAMED = (("GBA", "GBA1"), ("PARK2", "PRKN"))


def _raw_parkinson(oracle: RawOracle) -> Facts:
    genes = {gene for gene, _ in oracle.associated_genes("NCIT:C26845")}
    return {"genes": genes, "number": len(genes), **_renamed(genes)}


def _of_group(frame: pl.DataFrame, hub: Hub) -> Facts:
    genes = {symbol(gene, hub) for gene in frame["gene"]}
    return {"genes": genes, "number": len(genes)}


def _raw_of_group(oracle: RawOracle) -> Facts:
    genes = {gene for gene, _ in oracle.associated_genes("NCIT:C34373", icd=True)}
    return {"genes": genes, "number": len(genes)}


def _by_group(frame: pl.DataFrame, hub: Hub) -> Facts:
    told = {symbol(gene, hub): bool(confirmed) for gene, confirmed in frame.iter_rows()}
    return _confirmed(told)


def _confirmed(told: Mapping[str, bool]) -> Facts:
    """Give genes that a group of diseases has, and those that the disease itself has not."""
    wrong = sorted(gene for gene, confirmed in told.items() if not confirmed)
    return {"genes": set(told), "number": len(told), "wrong": wrong}


def _raw_by_group(oracle: RawOracle) -> Facts:
    asked = "NCIT:C34373"
    right = {gene for gene, _ in oracle.associated_genes(asked)}
    found = {gene for gene, _ in oracle.associated_genes(asked, icd=True)}
    return _confirmed({gene: gene in right for gene in found})


def _by_gene(frame: pl.DataFrame, hub: Hub) -> Facts:
    persons = {symbol(gene, hub): count for gene, count in frame.iter_rows()}
    return {"persons": persons, **{name: persons.get(name) for name in _MOST}}


_MOST = ("ITPR1", "ATP13A2", "SPTAN1", "TBCK")


def _raw_by_gene(oracle: RawOracle) -> Facts:
    persons = {gene: len(ids) for gene, ids in oracle.laboratory_genes("NCIT:C4802").items()}
    return {"persons": persons, **{name: persons.get(name) for name in _MOST}}


def _raw_with_gene(oracle: RawOracle) -> Facts:
    return {"persons": len(set().union(*oracle.laboratory_genes("NCIT:C4802").values()))}


QUESTIONS = (
    Question(
        "patients",
        "Patients at A with ALS, Parkinson's disease, and neurodegenerative disease (NCIT)",
        """\
SELECT ?asked (COUNT(DISTINCT ?person) AS ?patients) {
  VALUES ?asked { NCIT:C34373 NCIT:C26845 NCIT:C4802 }
  ?asked hkg:includes ?disease .
  ?person study:diagnosis ?disease ; dct:isPartOf site:A
} GROUP BY ?asked""",
        _patients,
        _raw_patients,
        {"NCIT:C34373": 1, "NCIT:C26845": 52, "NCIT:C4802": 674},
        {"a diagnosis": _EXACT},
    ),
    Question(
        "by-code-alone",
        "The same by code alone, without conversion",
        """\
SELECT ?asked (COUNT(DISTINCT ?person) AS ?patients) {
  VALUES ?asked { NCIT:C34373 NCIT:C26845 NCIT:C4802 }
  ?person a:disease ?asked ; dct:isPartOf site:A
} GROUP BY ?asked""",
        _patients,
        lambda _: dict.fromkeys(_ASKED, 0),
        dict.fromkeys(_ASKED, 0),
        converted=False,
    ),
    Question(
        "sclerosis",
        "Patients with multiple sclerosis (NCIT) over A and E, and how many of them are female",
        """\
SELECT (COUNT(DISTINCT ?person) AS ?patients) (COUNT(DISTINCT ?woman) AS ?female) {
  NCIT:C3243 hkg:includes ?disease .
  ?person study:diagnosis ?disease
  OPTIONAL { ?person study:sex "female" BIND(?person AS ?woman) }
}""",
        _counted,
        _raw_sclerosis,
        {"patients": 75, "female": 41},
        {"e diagnosis": _EXACT},
    ),
    Question(
        "als-genes",
        "Genes linked to ALS (NCIT) anywhere, with the site and the code that say so",
        f"""\
SELECT DISTINCT ?gene ?site ?evidence {{
  NCIT:C34373 hkg:includes ?disease .
  {{
  {_GENES} .
  ?person study:evidence ?evidence ; dct:isPartOf ?site
  }} UNION {{
    ?entry study:disease ?disease ; study:gene ?gene ;
      study:evidence ?evidence ; dct:isPartOf ?site
  }}
}}""",
        _evidence,
        _raw_evidence,
        {"A": 1, "B": 40, "D": 30, "union": 47, "B and D": 23, "all three": ["SOD1"]},
        {"a diagnosis": _EXACT, "b disease": _EXACT, "d disease": _EXACT},
    ),
    Question(
        "parkinson-genes",
        "Genes of Parkinson's disease (NCIT) at D, by their current symbols",
        """\
SELECT DISTINCT ?gene {
  NCIT:C26845 hkg:includes ?disease .
  ?entry study:disease ?disease ; study:gene ?gene ; dct:isPartOf site:D
}""",
        _symbols,
        _raw_parkinson,
        {"number": 30, "GBA1 for GBA": True, "PRKN for PARK2": True},
        {"d disease": _EXACT},
    ),
    Question(
        "als-genes-of-group",
        "Genes of ALS (NCIT) in D's ICD-10 graph: the broader G12.2 is all it has",
        """\
SELECT DISTINCT ?gene {
  NCIT:C34373 hkg:includes ?group .
  ?entry study:diseaseGroup ?group ; study:gene ?gene
}""",
        _of_group,
        _raw_of_group,
        {"number": 34},
        {"d diseaseGroup": _UPPER},
    ),
    Question(
        "als-genes-by-group",
        "The same, and which of them D's DOID graph has as well: the others are wrong",
        """\
SELECT DISTINCT ?gene (BOUND(?other) AS ?confirmed) {
  NCIT:C34373 hkg:includes ?group .
  ?entry study:diseaseGroup ?group ; study:gene ?gene
  OPTIONAL {
    NCIT:C34373 hkg:includes ?disease .
    ?other study:disease ?disease ; study:gene ?gene ; dct:isPartOf site:D
  }
}""",
        _by_group,
        _raw_by_group,
        {"number": 34, "wrong": ["AR", "DYNC1H1", "SMN2", "UBA1"]},
        {"d diseaseGroup": _UPPER, "d disease": _EXACT},
    ),
    Question(
        "neuro-by-gene",
        "Neurodegenerative patients by gene: disease known at A alone, gene at C alone",
        f"""\
SELECT ?gene (COUNT(DISTINCT ?person) AS ?persons) {{
  NCIT:C4802 hkg:includes ?disease .
  {_GENES}
}} GROUP BY ?gene""",
        _by_gene,
        _raw_by_gene,
        {"ITPR1": 131, "ATP13A2": 46, "SPTAN1": 42, "TBCK": 41},
        {"a diagnosis": _EXACT},
    ),
    Question(
        "neuro-with-gene",
        "Neurodegenerative patients with a gene, in all",
        f"""\
SELECT (COUNT(DISTINCT ?person) AS ?persons) {{
  NCIT:C4802 hkg:includes ?disease .
  {_GENES}
}}""",
        _counted,
        _raw_with_gene,
        {"persons": 674},
        {"a diagnosis": _EXACT},
    ),
)
"""The questions, in the order in which they are reported."""
