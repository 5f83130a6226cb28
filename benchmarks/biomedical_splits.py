"""What is held out of the biomedical graph, and what came to be known after it.

**Held out** are links as pairs of gene and disease, at all sites at once, together with those of
the same gene and a disease above or below: else a test link would be known at another site, or
under another name. A pair is held out only where gene and disease keep a triple at each site
that has the pair.

**New** is a link of 2026 whose gene no site links with the disease, nor with any disease above or
below it in Mondo of 2025 or of 2026. A disease that Mondo of 2025 has not is asked for as the
nearest disease above that it has: which gene is one more of spastic paraplegia. Then no site
may link the gene with anything above or below that one either.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.biomedical_graph import (
    HGNC,
    BiomedicalGraph,
    Hierarchy,
    Pair,
    links_of,
    obo_iri,
    read_hierarchy,
)
from benchmarks.interconversion.raw_files import read_phenopackets, read_table
from hereditary_kg.embeddings.splitting import Split
from hereditary_kg.embeddings.triples import Triple, TripleSet

__all__ = [
    "NewLink",
    "check_new_links",
    "check_splits",
    "find_new_links",
    "select_new_links",
    "split_links",
]

_WIDEST = 500
"""A disease with more diseases below it, such as cancer, is no question about a gene."""
_FARTHEST = 2
"""Steps up to the disease that is asked for."""
_HELD_OUT = 0.1
"""The share of link triples for validation, and for testing."""


class NewLink(NamedTuple):
    """A link that came to be known.

    Attributes:
        gene: its IRI.
        disease: the IRI of the disease that the link is of.
        asked: the disease that is asked for: itself, or the nearest above that was there in 2025.
    """

    gene: str
    disease: str
    asked: str


def split_links(graph: BiomedicalGraph, seed: int) -> dict[str, Split]:
    """Split each site's triples; what is held out are links alone.

    Each site with links numbers all genes and diseases, whether it has a triple of them or not:
    they are public vocabularies, and another site may know about them.

    Args:
        graph: the graph.
        seed: chooses one of many splits.
    """
    parts = _draw_pairs(graph, seed)
    found = {}
    for name, triples in graph.sites.items():
        links = links_of(triples)
        dealt: list[list[Triple]] = [[], [], []]
        for triple in triples:
            pair = (triple[0], triple[2])
            dealt[parts.get(pair, 0) if pair in links else 0].append(triple)
        public = (*graph.genes, *graph.diseases) if links else ()
        whole = TripleSet.from_labels(triples, public)
        found[name] = Split(
            *(TripleSet.from_labels(part, whole.entities, whole.relations) for part in dealt)
        )
    return found


def _draw_pairs(graph: BiomedicalGraph, seed: int) -> dict[Pair, int]:
    """Draw pairs for validation (1) and testing (2), whole groups, the emptier part first."""
    left = {
        name: Counter(end for head, _, tail in graph.sites[name] for end in (head, tail))
        for name in graph.links
    }
    where: dict[Pair, list[str]] = defaultdict(list)
    for name, pairs in graph.links.items():
        for pair in pairs:
            where[pair].append(name)
    wanted = _HELD_OUT * sum(map(len, where.values()))
    groups = group_pairs(where, graph.hierarchy)
    parts: dict[Pair, int] = {}
    sizes = [0, 0]
    for number in np.random.default_rng(seed).permutation(len(groups)).tolist():
        if min(sizes) >= wanted:
            break
        group = groups[number]
        ends = Counter((name, end) for pair in group for name in where[pair] for end in pair)
        if all(left[name][end] > count for (name, end), count in ends.items()):
            for (name, end), count in ends.items():
                left[name][end] -= count
            place = int(sizes[1] < sizes[0])
            sizes[place] += sum(len(where[pair]) for pair in group)
            parts |= dict.fromkeys(group, place + 1)
    return parts


def group_pairs(pairs: Iterable[Pair], hierarchy: Hierarchy) -> list[tuple[Pair, ...]]:
    """Group the pairs of one gene whose diseases lie above one another, the pairs in order."""
    diseases: dict[str, list[str]] = defaultdict(list)
    for gene, disease in sorted(pairs):
        diseases[gene].append(disease)
    found = []
    for gene, named in diseases.items():
        group = {disease: frozenset({disease}) for disease in named}
        for one, other in combinations(named, 2):
            if one in hierarchy.above.get(other, ()) or other in hierarchy.above.get(one, ()):
                joined = group[one] | group[other]
                group |= dict.fromkeys(joined, joined)
        found += [
            tuple((gene, disease) for disease in sorted(each))
            for each in dict.fromkeys(group.values())
        ]
    return found


def find_new_links(graph: BiomedicalGraph, data: Path) -> dict[str, list[NewLink]]:
    """Find the links of 2026 that no site has in any form.

    ClinGen's file there names diseases and the dates of assertions, and no gene; its links are
    among Mondo's.

    Args:
        graph: the graph.
        data: the reference data.

    Returns:
        by their source: Mondo, for OMIM's genes (2026-03) and the rare diseases' edges (2026-08),
        and the phenopackets (2026-06), with those that Mondo has not.
    """
    later = read_hierarchy(data / "ontologies-json" / "MONDO-ontology-v2026-05-05.json.zst")
    mondo = _links_of_mondo(data)
    return {
        name: select_new_links(graph, pairs, later)
        for name, pairs in (
            ("Mondo", mondo),
            ("phenopackets", _links_of_phenopackets(data) - mondo),
        )
    }


def select_new_links(
    graph: BiomedicalGraph, pairs: Iterable[Pair], later: Hierarchy
) -> list[NewLink]:
    """Select the pairs that no site has in any form, and say what is asked for.

    Args:
        graph: the graph.
        pairs: genes and their diseases, of a later release.
        later: that release's hierarchy.
    """
    earlier, genes = graph.hierarchy, set(graph.genes)
    known: dict[str, set[str]] = defaultdict(set)
    for gene, disease in (pair for pairs in graph.links.values() for pair in pairs):
        known[gene].add(disease)
    found = []
    for gene, disease in sorted(pairs):
        nearest = later.nearest_above(disease, earlier.above)
        if gene not in genes or disease not in later.above or not nearest:
            continue
        asked = min(nearest, key=lambda each: (len(later.below.get(each, ())), each))
        far = later.above[disease].get(asked, 0) > _FARTHEST
        if far or len(later.below.get(asked, ())) > _WIDEST:
            continue
        ends, releases = (disease, *nearest), (earlier, later)
        if all(known[gene].isdisjoint(one.related(end)) for end in ends for one in releases):
            found.append(NewLink(gene, disease, asked))
    return found


def _links_of_mondo(data: Path) -> set[Pair]:
    named = read_table(data / "mondo-ingest" / "mondo-omim-genes.robot.tsv.gz")
    found = {(row["hgnc_id"], row["mondo_id"]) for row in named if row["hgnc_id"].startswith(HGNC)}
    edges = read_table(data / "mondo" / "mondo-rare_edges.tsv.gz")
    return found | {
        (row["object"], obo_iri(row["subject"])) for row in edges if row["relation"] == "RO:0004003"
    }


def _links_of_phenopackets(data: Path) -> set[Pair]:
    """Read whose variants explain which diseases; persons are left behind."""
    mappings = read_table(data / "mondo" / "mappings" / "mondo_exactmatch_omim.sssom.tsv.gz")
    diseases = {row["object_id"]: obo_iri(row["subject_id"]) for row in mappings}
    found = set()
    for packet in read_phenopackets(data):
        for each in packet.get("interpretations", ()):
            diagnosis = each["diagnosis"]
            code = diagnosis["disease"]["id"]
            for genomic in diagnosis.get("genomicInterpretations", ()):
                described = genomic.get("variantInterpretation", {}).get("variationDescriptor", {})
                gene = described.get("geneContext", {}).get("valueId", "")
                if gene.startswith("HGNC:") and code in diseases:
                    found.add((HGNC + gene.removeprefix("HGNC:"), diseases[code]))
    return found


def check_new_links(graph: BiomedicalGraph, new: Iterable[NewLink]) -> None:
    """Check that no new link is known, by another way than that by which they were found.

    Raises:
        SystemExit: one is.
    """
    above = graph.hierarchy.above
    diseases: dict[str, set[str]] = defaultdict(set)
    for gene, disease in (pair for pairs in graph.links.values() for pair in pairs):
        diseases[gene].add(disease)
    for link in new:
        named = diseases[link.gene]
        widened = named.union(*(above.get(disease, ()) for disease in named))
        if link.asked in widened or not named.isdisjoint(above[link.asked]):
            raise SystemExit(f"{link} is known already; nothing is reported")


def check_splits(graph: BiomedicalGraph, splits: Mapping[str, Split]) -> None:
    """Check that nothing that is held out was seen before, at any site or by a related disease.

    Raises:
        SystemExit: something was.
    """

    def pairs_of(part: str) -> set[Pair]:
        return {
            pair for split in splits.values() for pair in links_of(getattr(split, part).labels())
        }

    seen: dict[str, set[str]] = defaultdict(set)
    for part in ("training", "validation", "testing"):
        found = pairs_of(part)
        for gene, disease in found:
            if part != "training" and not seen[gene].isdisjoint(graph.hierarchy.related(disease)):
                raise SystemExit(f"{gene} of {disease} is known before {part}: nothing is reported")
        for gene, disease in found:
            seen[gene].add(disease)
