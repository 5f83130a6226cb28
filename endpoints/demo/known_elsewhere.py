"""Which predicted links other public data know: OMIM's genes, which no site of the demo has.

The registry's genes are Orphanet's. HPO's file of genes has OMIM's diseases as well, and Mondo says
which of them is the same as a disease of Orphanet's, or a kind of it. A gene is counted for a
disease where OMIM has it for the disease itself or for a kind of it, so that a gene of one type of
spastic paraplegia counts for spastic paraplegia.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from endpoints.demo.terminologies import Terminologies
from endpoints.demo.vocabulary import code

__all__ = ["OmimLinks", "read_omim_links"]


@dataclass(frozen=True)
class OmimLinks:
    """What OMIM knows of genes and Orphanet's diseases.

    Attributes:
        links: IRI of a gene and IRI of a disease of Orphanet → the OMIM diseases, by name.
    """

    links: dict[tuple[str, str], tuple[str, ...]]

    def find(self, gene: str, disease: str) -> tuple[str, ...]:
        """Name OMIM's diseases that make a link known; none where it is not.

        Args:
            gene: the gene's IRI.
            disease: the IRI of a disease of Orphanet.
        """
        return self.links.get((gene, disease), ())

    def chance(self, genes: Iterable[str], diseases: Iterable[str], known: int) -> float:
        """Give the share of the pairs that are not known that OMIM has: what guessing would find.

        Args:
            genes: IRIs of the genes that are paired.
            diseases: IRIs of the diseases that are paired.
            known: how many of these pairs the registry knows, and OMIM as well or not.
        """
        heads, tails = set(genes), set(diseases)
        there = sum(gene in heads and disease in tails for gene, disease in self.links)
        return there / max(1, len(heads) * len(tails) - known)


def read_omim_links(terminologies: Terminologies, registry: Iterable[tuple[str, str]]) -> OmimLinks:
    """Read what OMIM knows and the registry does not.

    Args:
        terminologies: the extracts.
        registry: the IRIs of genes and diseases that the registry has linked.
    """
    links: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    orphanet = defaultdict(set)
    for disease in terminologies.diseases:
        if disease.startswith("ORPHA:"):
            for concept in terminologies.mondo_of.get(disease, ()):
                orphanet[concept].add(_bare(disease))
    for disease, genes in terminologies.disease_genes.items():
        if disease.startswith("OMIM:"):
            above = {found for each in _above(disease, terminologies) for found in orphanet[each]}
            for gene in genes:
                for found in above:
                    links[_bare(gene), found].add(terminologies.diseases[disease])
    for pair in registry:
        links.pop(pair, None)
    return OmimLinks({pair: tuple(sorted(names)) for pair, names in links.items()})


def _above(disease: str, terminologies: Terminologies) -> Iterator[str]:
    for concept in terminologies.mondo_of.get(disease, ()):
        yield from terminologies.mondo.ancestors(concept)


def _bare(curie: str) -> str:
    return code(curie)[1:-1]
