"""The tables of what was measured on the biomedical graph."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.biomedical_graph import HAS_PHENOTYPE, BiomedicalGraph
from benchmarks.biomedical_ranking import bootstrap
from benchmarks.biomedical_splits import NewLink
from benchmarks.reporting import write_table
from hereditary_kg.embeddings.calibration import Reliability, draw_reliability
from hereditary_kg.embeddings.ranking import SIDES, confidence_interval

__all__ = [
    "PICTURE",
    "SeedResult",
    "WayResult",
    "write_calibration",
    "write_graph",
    "write_held_out",
    "write_new_links",
]

PICTURE = Path("docs/reliability_biomedical.svg")
_MEASURES: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "Hits@10": lambda ranks: (ranks <= 10).astype(np.float64),
    "Hits@100": lambda ranks: (ranks <= 100).astype(np.float64),
    "MRR": lambda ranks: 1 / ranks,
}


@dataclass(frozen=True)
class WayResult:
    """What one way gave with one seed.

    Attributes:
        held_out: for each site the ranks of its test links' genes, then of their diseases.
        new: by who answers, the rank of each new link's gene.
        calibration: for each site the bins of its predicted links, as in `Reliability`.
        seconds: of the processor, in training.
    """

    held_out: dict[str, list[list[float]]]
    new: dict[str, list[float]]
    calibration: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    seconds: float = 0.0


SeedResult = Mapping[str, WayResult]
"""What the ways gave with one seed."""


def write_graph(graph: BiomedicalGraph, new: Mapping[str, Sequence[NewLink]]) -> str:
    """Write how many triples and new links there are."""
    rows = []
    for name, triples in graph.sites.items():
        kinds = Counter(relation for _, relation, _ in triples)
        links = len(graph.links.get(name, ()))
        phenotypes = kinds[HAS_PHENOTYPE]
        terms = {end for head, _, tail in triples for end in (head, tail)}
        counts = (len(terms), links, phenotypes, len(triples) - links - phenotypes)
        unmapped = f"{graph.unmapped[name]:,}" if name in graph.unmapped else ""
        rows.append([name, *(f"{count:,}" for count in counts), unmapped])
    head = ("site", "terms", "gene-disease", "phenotypes", "others", "codes left out")
    linked = {gene for pairs in graph.links.values() for gene, _ in pairs}
    shown = []
    for name, links in new.items():
        own = sum(link.asked == link.disease for link in links)
        with_link = sum(link.gene in linked for link in links)
        shown.append(
            [
                name,
                f"{len(links)}",
                f"{len({link.asked for link in links})}",
                f"{own}",
                f"{len(links) - own}",
                f"{with_link}",
                f"{len(links) - with_link}",
            ]
        )
    titles = (
        "new links", "links", "questions", "disease of 2025", "later disease",
        "gene has links", "gene has none",
    )  # fmt: skip
    return f"{write_table(head, rows)}\n\n{write_table(titles, shown)}"


def write_held_out(results: Sequence[SeedResult]) -> str:
    """Write the mean reciprocal rank of test links, by site and over all."""
    rows = []
    for way in results[0]:
        found = [result[way] for result in results]
        genes = [[np.array(sides[0]) for sides in each.held_out.values()] for each in found]
        both = [
            [np.concatenate(sides) for sides in each.held_out.values() if len(sides) == len(SIDES)]
            for each in found
        ]
        sites = list(zip(*genes, strict=True))
        cells = [_mean_reciprocal(site) for site in sites]
        whole = [np.concatenate(each) for each in genes]
        hits = _over_seeds([float(np.mean(each <= 10)) for each in whole])
        sides = _mean_reciprocal([np.concatenate(e) for e in both]) if both[0] else ""
        seconds = float(np.mean([each.seconds for each in found]))
        time = f"{seconds:.0f} s" if seconds else ""
        rows.append([way, *cells, _mean_reciprocal(whole), hits, sides, time])
    names = next(iter(results[0].values())).held_out
    head = ("genes, MRR", *names, "all", "all, Hits@10", "genes and diseases", "processor")
    return write_table(head, rows)


def _mean_reciprocal(ranks: Sequence[NDArray[np.float64]]) -> str:
    return _over_seeds([float(np.mean(1 / each)) for each in ranks])


def _over_seeds(values: Sequence[float]) -> str:
    """Write the mean and its interval; one seed has none."""
    return str(confidence_interval(values)) if len(values) > 1 else f"{values[0]:.3f}"


def write_new_links(new: Mapping[str, Sequence[NewLink]], results: Sequence[SeedResult]) -> str:
    """Write how often the genes of new links are found, and by how much more than by popularity."""
    new_ranks = [
        {name: ranks for way in result.values() for name, ranks in way.new.items()}
        for result in results
    ]
    texts = []
    groups: dict[str, NDArray[np.bool_]] = {}
    source = np.repeat(list(new), [len(links) for links in new.values()])
    everything = [link for links in new.values() for link in links]
    own = np.array([link.asked == link.disease for link in everything])
    for name in new:
        groups[name] = source == name
    groups["Mondo, diseases of 2025"] = (source == "Mondo") & own
    groups["Mondo, later diseases"] = (source == "Mondo") & ~own
    for title, chosen in groups.items():
        if not chosen.any():
            continue
        rows = []
        for way in new_ranks[0]:
            ranks = np.array([each[way] for each in new_ranks])[:, chosen]
            cells = [way]
            for measure in _MEASURES.values():
                mean, low, high = bootstrap(measure(ranks).mean(axis=0))
                cells.append(f"{mean:.3f} ({low:.3f} to {high:.3f})")
            base = np.array([each["popularity"] for each in new_ranks])[:, chosen]
            hits = _MEASURES["Hits@100"]
            mean, low, high = bootstrap(hits(ranks).mean(axis=0) - hits(base).mean(axis=0))
            more = f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"
            rows.append([*cells, "" if way == "popularity" else more])
        head = (
            f"{title}: {int(chosen.sum())} links", *_MEASURES, "Hits@100 above popularity"
        )  # fmt: skip
        texts.append(write_table(head, rows))
    return "\n\n".join(texts)


def write_calibration(results: Sequence[SeedResult], *, draw: bool) -> str:
    """Write the calibration error of each site's predicted links, and draw the first seed's."""
    rows = []
    measured = [
        {
            site: Reliability(
                np.array(bins["expected"]),
                np.array(bins["observed"]),
                np.array(bins["counts"], dtype=np.int64),
            )
            for site, bins in result["federated"].calibration.items()
        }
        for result in results
    ]
    for site in measured[0]:
        found = [each[site] for each in measured]
        errors = [each.expected_calibration_error for each in found]
        right = [float(np.average(each.observed, weights=each.counts)) for each in found]
        rows.append(
            [
                site,
                f"{np.mean([each.counts.sum() for each in found]):,.0f}",
                f"{np.mean(right):.3f}",
                f"{np.mean(errors):.4f}",
                f"{max(errors):.4f}",
            ]
        )
    if draw:
        draw_reliability(measured[0], PICTURE)
    head = ("site", "links a seed", "right", "calibration error", "of the worst seed")
    picture = f"![What was said of predicted links, and what was right]({PICTURE.name})"
    return f"{write_table(head, rows)}\n\n{picture}"
