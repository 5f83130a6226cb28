"""Gene-disease links over four sites of real data: held-out ones, and those that came to be known.

A registry, a clinic, DISEASES and a site with vocabularies train alone, federated and pooled on the
same triples (see `biomedical_graph`). ``--choose`` compares strategies on validation links alone.
Splits and new links are checked for leakage before anything is trained; if there is any, nothing
is reported.

``--keep DIRECTORY`` keeps what each way gave with each seed, and takes up what is there, so that a
run can be ended and gone on with.
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.biomedical_graph import (
    ASSOCIATED,
    CAUSES,
    BiomedicalGraph,
    Pair,
    links_of,
    read_graph,
)
from benchmarks.biomedical_ranking import (
    Answers,
    FusedAnswers,
    ModelAnswers,
    NeighbourAnswers,
    PopularAnswers,
    rank_answers,
)
from benchmarks.biomedical_report import (
    WayResult,
    write_calibration,
    write_graph,
    write_held_out,
    write_new_links,
)
from benchmarks.biomedical_splits import (
    NewLink,
    check_new_links,
    check_splits,
    find_new_links,
    split_links,
)
from benchmarks.interconversion.raw_files import DATA
from benchmarks.reporting import describe_machine, write_section
from hereditary_kg.embeddings.alignment_keys import AlignmentKey
from hereditary_kg.embeddings.calibration import (
    fit_calibration,
    measure_reliability,
    predict_held_out,
)
from hereditary_kg.embeddings.label_kinds import EVERYTHING_PUBLIC
from hereditary_kg.embeddings.site_session import LearningSite
from hereditary_kg.embeddings.splitting import Split
from hereditary_kg.embeddings.training_plan import TrainingPlan
from hereditary_kg.embeddings.training_run import train_alone, train_sites
from hereditary_kg.embeddings.triples import TripleSet

KEY = AlignmentKey(b"a key of a benchmark, no secret!")
WAYS = ("popularity", "phenotypes", "alone", "federated", "pooled")
PLAN = TrainingPlan(
    model="TransE-L2",
    dimension=64,
    loss="softmax",
    learning_rate=0.4,
    negatives=256,
    strategy="by-triples",
    rounds=24,
    evaluate_every=8,
    secure=False,
    minimum_owners=2,
)
CHOICES = ("entities", "by-triples", "personalised", "both")
_QUESTIONS = 250
"""Validation questions a side that a calibration is fitted to."""

Models = Mapping[str, ModelAnswers]


@dataclass(frozen=True)
class Material:
    """The graph, and one split of it.

    Attributes:
        graph: the graph.
        splits: each site's triples.
        plan: how models are trained.
    """

    graph: BiomedicalGraph
    splits: Mapping[str, Split]
    plan: TrainingPlan

    def relation(self, site: str) -> str:
        """Give a site's relation from genes to diseases."""
        relations = self.splits[site].training.relations
        return CAUSES if CAUSES in relations else ASSOCIATED

    def pairs(self, part: str, sites: Iterable[str] | None = None) -> set[Pair]:
        """Give the pairs of gene and disease in a part of the splits, of all sites or some."""
        chosen = self.graph.links if sites is None else sites
        return {
            pair for site in chosen for pair in links_of(getattr(self.splits[site], part).labels())
        }


def train_federated(material: Material) -> Models:
    """Train across all sites, and give the models of those that have links."""
    sites = [
        LearningSite(name, split, EVERYTHING_PUBLIC, KEY) for name, split in material.splits.items()
    ]
    _, sessions = train_sites(sites, material.plan)
    return {
        name: ModelAnswers(
            sessions[name][0].model, material.splits[name].training, material.relation(name)
        )
        for name in material.graph.links
    }


def train_each_alone(material: Material) -> Models:
    """Train each site that has links alone, on the terms that it has triples of."""
    found = {}
    for name in material.graph.links:
        split = material.splits[name]
        own = split.training.used_only()
        parts = (split.training, split.validation, split.testing)
        used = Split(
            *(TripleSet.from_labels(each.labels(), own.entities, own.relations) for each in parts)
        )
        model, _, _ = train_alone(LearningSite(name, used, EVERYTHING_PUBLIC, KEY), material.plan)
        found[name] = ModelAnswers(model, own, material.relation(name))
    return found


def train_pooled(material: Material) -> Models:
    """Train on all training triples in one place, and answer as each site would."""
    parts: list[set[tuple[str, str, str]]] = [set(), set(), set()]
    for split in material.splits.values():
        for part, triples in zip(
            parts, (split.training, split.validation, split.testing), strict=True
        ):
            part.update(triples.labels())
    whole = TripleSet.from_labels(set().union(*parts))
    pooled = Split(*(TripleSet.from_labels(p, whole.entities, whole.relations) for p in parts))
    model, _, _ = train_alone(LearningSite("pooled", pooled, EVERYTHING_PUBLIC, KEY), material.plan)
    return {
        name: ModelAnswers(model, whole, material.relation(name)) for name in material.graph.links
    }


_TRAININGS: Mapping[str, Callable[[Material], Models]] = {
    "alone": train_each_alone,
    "federated": train_federated,
    "pooled": train_pooled,
}
_BASELINES: Mapping[str, Callable[[BiomedicalGraph, Collection[Pair]], Answers]] = {
    "popularity": lambda _, pairs: PopularAnswers(pairs),
    "phenotypes": NeighbourAnswers,
}


def rank_held_out(
    material: Material, answers: Mapping[str, Answers], part: str, *, genes_only: bool = False
) -> dict[str, list[list[float]]]:
    """Rank each site's held-out links: genes among all genes, diseases among all diseases.

    Filtered are all links that there are, at any site.

    Returns:
        for each site the ranks of the genes, then (unless genes alone are asked for) of the
        diseases.
    """
    everything = set().union(*(material.pairs(p) for p in ("training", "validation", "testing")))
    genes, diseases = _group(everything)
    found = {}
    for site, each in answers.items():
        pairs = sorted(material.pairs(part, [site]))
        asked = [(disease, gene) for gene, disease in pairs]
        ranks = [rank_answers(each, "head", asked, material.graph.genes, genes).tolist()]
        if not genes_only:
            ends = rank_answers(each, "tail", pairs, material.graph.diseases, diseases)
            ranks.append(ends.tolist())
        found[site] = ranks
    return found


def _group(pairs: Collection[Pair]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    genes: dict[str, set[str]] = defaultdict(set)
    diseases: dict[str, set[str]] = defaultdict(set)
    for gene, disease in pairs:
        genes[disease].add(gene)
        diseases[gene].add(disease)
    return genes, diseases


def rank_new(
    material: Material, answers: Mapping[str, Answers], new: Sequence[NewLink]
) -> dict[str, list[float]]:
    """Rank the genes of new links among all genes.

    Not counted are genes that any site links with what is asked for or with anything below it,
    and the other new genes of it.
    """
    graph = material.graph
    genes, _ = _group(set().union(*graph.links.values()))
    known: dict[str, set[str]] = defaultdict(set)
    for link in new:
        known[link.asked].add(link.gene)
        for disease in (link.asked, *graph.hierarchy.below.get(link.asked, ())):
            known[link.asked] |= genes.get(disease, set())
    asked = [(link.asked, link.gene) for link in new]
    return {
        name: rank_answers(each, "head", asked, graph.genes, known).tolist()
        for name, each in answers.items()
    }


def calibrate(material: Material, models: Models) -> dict[str, dict[str, list[float]]]:
    """Fit each site's probabilities on its validation links, and look at its test links."""
    found = {}
    for site, answers in models.items():
        split = material.splits[site]
        fitted = fit_calibration(
            predict_held_out(answers.model, split.validation, [split.training], limit=_QUESTIONS)
        )
        known = [split.training, split.validation]
        links = predict_held_out(
            answers.model, split.testing, known, limit=None, calibration=fitted
        )
        measured = measure_reliability(fitted, links)
        found[site] = {name: values.tolist() for name, values in asdict(measured).items()}
    return found


def measure(material: Material, way: str, new: Sequence[NewLink]) -> WayResult:
    """Train by one way, or count, and rank held-out and new links."""
    training = material.pairs("training")
    if way in _BASELINES:
        answers = _BASELINES[way](material.graph, training)
        of_sites = dict.fromkeys(material.graph.links, answers)
        held = rank_held_out(material, of_sites, "testing", genes_only=way == "phenotypes")
        return WayResult(held, rank_new(material, {way: answers}, new))
    started = time.process_time()
    models = _TRAININGS[way](material)
    seconds = time.process_time() - started
    held = rank_held_out(material, models, "testing")
    asked: dict[str, Answers] = {f"{way}, {site}": each for site, each in models.items()}
    if way == "pooled":
        asked = {way: next(each for each in models.values() if each.relation == CAUSES)}
    else:
        asked[f"{way}, all sites"] = FusedAnswers(list(models.values()))
    calibration = calibrate(material, models) if way == "federated" else {}
    return WayResult(held, rank_new(material, asked, new), calibration, seconds)


def _mean_reciprocal(ranks: Mapping[str, Sequence[Sequence[float]]]) -> str:
    return ", ".join(
        f"{site} " + "/".join(f"{np.mean(1 / np.array(side)):.4f}" for side in sides)
        for site, sides in ranks.items()
    )


def choose(material: Material, plan: TrainingPlan, ways: Sequence[str]) -> None:
    """Show how the validation links are ranked by strategies, alone and pooled."""
    for way in ways:
        train = _TRAININGS.get(way, train_federated)
        strategy = plan.strategy if way in _TRAININGS else way
        chosen = replace(material, plan=replace(plan, strategy=strategy))
        started = time.process_time()
        models = train(chosen)
        spent = time.process_time() - started
        ranks = rank_held_out(chosen, models, "validation")
        print(way, f"{spent:.0f} s of the processor", _mean_reciprocal(ranks), flush=True)


def main() -> None:
    """Measure, print, and write the document's sections."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.biomedical_links")
    parser.add_argument("--data", type=Path, default=DATA, help="the reference data")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--model", default=PLAN.model)
    parser.add_argument("--dimension", type=int, default=PLAN.dimension)
    parser.add_argument("--rounds", type=int, default=PLAN.rounds)
    parser.add_argument("--strategy", default=PLAN.strategy)
    parser.add_argument("--learning-rate", type=float, default=PLAN.learning_rate)
    parser.add_argument("--n3", type=float, default=PLAN.n3)
    parser.add_argument(
        "--choose", nargs="*", metavar="STRATEGY", help="look at validation links alone"
    )
    parser.add_argument("--keep", type=Path, help="where what each seed gave is kept")
    parser.add_argument("--markdown", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    plan = replace(
        PLAN,
        model=options.model,
        dimension=options.dimension,
        rounds=options.rounds,
        strategy=options.strategy,
        learning_rate=options.learning_rate,
        n3=options.n3,
    )
    graph = read_graph(options.data)
    if options.choose is not None:
        splits = split_links(graph, options.seeds[0])
        check_splits(graph, splits)
        ways = options.choose or ("alone", *CHOICES, "pooled")
        choose(Material(graph, splits, replace(plan, seed=options.seeds[0])), plan, ways)
        return
    new = find_new_links(graph, options.data)
    everything = [link for links in new.values() for link in links]
    check_new_links(graph, everything)
    results = [
        {
            way: _measure_or_read(graph, way, everything, replace(plan, seed=seed), options.keep)
            for way in options.ways
        }
        for seed in options.seeds
    ]
    machine = describe_machine()
    told = (
        f"{plan.model}, dimension {plan.dimension}, {plan.rounds} rounds of one epoch, strategy "
        f"{plan.strategy}, seeds {', '.join(map(str, options.seeds))}."
    )
    sections = {
        "biomedical_graph": write_graph(graph, new),
        "biomedical_links": f"{write_held_out(results)}\n\n{told} {machine}",
        "biomedical_new_links": f"{write_new_links(new, results)}\n\n{told}",
    }
    if "federated" in options.ways:
        sections["biomedical_calibration"] = write_calibration(results, draw=options.markdown)
    for name, text in sections.items():
        print(text, end="\n\n")
        if options.markdown:
            write_section(name, text)


def _measure_or_read(
    graph: BiomedicalGraph, way: str, new: Sequence[NewLink], plan: TrainingPlan, keep: Path | None
) -> WayResult:
    """Measure a way with one seed, or read what was kept of it with the same plan."""
    path = None if keep is None else keep / f"{way}-{plan.seed}.json"
    if path is not None and path.is_file():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["plan"] == asdict(plan):
            return WayResult(**kept["result"])
    splits = split_links(graph, plan.seed)
    check_splits(graph, splits)
    found = measure(Material(graph, splits, plan), way, new)
    ranks = _mean_reciprocal(found.held_out)
    print(way, f"seed {plan.seed}, {found.seconds:.0f} s of the processor:", ranks, flush=True)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = {"plan": asdict(plan), "result": asdict(found)}
        path.write_text(json.dumps(kept), encoding="utf-8")
    return found


if __name__ == "__main__":
    main()
