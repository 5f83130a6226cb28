"""Build the prefix map of ``hereditary_kg/semantics/prefixes.json``.

Run from the repository root, ``python -m ontologies.prefixes``. Names, patterns and IRIs come
from the data of bioregistry's pinned wheel; which vocabularies, their canonical names and what
hospitals and curators write besides stand in `ontologies.vocabularies`. The result is an extended
prefix map as curies reads it: bioregistry itself is not needed when it is used.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from ontologies.vocabularies import VOCABULARIES, Vocabulary
from ontologies.wheels import BIOREGISTRY, WheelError, fetch_wheel, read_member

__all__ = ["build_map", "main"]

TARGET = Path(__file__).parent.parent / "hereditary_kg" / "semantics" / "prefixes.json"
MEMBER = "bioregistry/data/bioregistry.json"


def build_map(registry: Mapping[str, Any]) -> list[dict[str, object]]:
    """Build the extended prefix map.

    A name or an IRI that two vocabularies have belongs to the one that `VOCABULARIES` says it is
    of, and else to the first of them.

    Args:
        registry: bioregistry's records by their key.
    """
    names = {_folded(name): each.prefix for each in VOCABULARIES for name in _own_names(each)}
    iris = {iri: each.prefix for each in VOCABULARIES for iri in _own_iris(each)}
    for each in VOCABULARIES:
        record = registry.get(each.key, {})
        for name in _registered_names(record, each.key):
            names.setdefault(_folded(name), each.prefix)
        for iri in _registered_iris(record, each):
            iris.setdefault(iri, each.prefix)
    return [_record(each, registry.get(each.key, {}), names, iris) for each in VOCABULARIES]


def _record(
    vocabulary: Vocabulary,
    record: Mapping[str, Any],
    names: Mapping[str, str],
    iris: Mapping[str, str],
) -> dict[str, object]:
    known = {*_own_names(vocabulary), *_registered_names(record, vocabulary.key)}
    prefix = vocabulary.prefix
    synonyms = sorted(name for name in known if names[_folded(name)] == prefix != name)
    spellings = sorted(iri for iri, owner in iris.items() if owner == prefix)
    spellings.remove(vocabulary.iri)
    result: dict[str, object] = {"prefix": prefix, "uri_prefix": vocabulary.iri}
    result |= {"prefix_synonyms": synonyms, "uri_prefix_synonyms": spellings}
    pattern = vocabulary.pattern or record.get("pattern")
    return result | ({"pattern": pattern} if pattern else {})


def _folded(name: str) -> str:
    return name.casefold()


def _own_names(vocabulary: Vocabulary) -> Iterator[str]:
    yield vocabulary.prefix
    yield from vocabulary.names


def _registered_names(record: Mapping[str, Any], key: str) -> Iterator[str]:
    yield key
    for name in record.get("synonyms") or ():
        # A space, or a date that is any release's, is not looked up by name.
        if (" " not in name and not name[-1:].isdigit()) or name.casefold() == key:
            yield name


def _own_iris(vocabulary: Vocabulary) -> Iterator[str]:
    prefix = vocabulary.prefix
    own = [vocabulary.iri, *vocabulary.iris, f"http://purl.obolibrary.org/obo/{prefix}_"]
    for name in {vocabulary.key, prefix}:
        if name:
            own += [f"http://identifiers.org/{name}/", f"http://identifiers.org/{name}:"]
            own += [f"https://bioregistry.io/{name}:"]
    yield from _both_schemes(own)


def _registered_iris(record: Mapping[str, Any], vocabulary: Vocabulary) -> Iterator[str]:
    sources = [record, *(record.get("providers") or ())]
    sources += [each for each in record.values() if isinstance(each, dict)]
    formats = [each.get(name) for each in sources for name in ("uri_format", "rdf_uri_format")]
    ends = [text[:-2] for text in formats if text and text.endswith("$1") and text.count("$1") == 1]
    yield from _both_schemes(end for end in ends if end and end not in vocabulary.not_iris)


def _both_schemes(iris: Iterable[str]) -> Iterator[str]:
    for iri in iris:
        yield iri
        scheme, separator, rest = iri.partition("://")
        if separator and scheme in {"http", "https"}:
            yield f"{'https' if scheme == 'http' else 'http'}://{rest}"


@click.command()
@click.option(
    "--wheels",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Directory with the pinned wheel; without it the wheel is downloaded and thrown away.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=TARGET,
    help="The file that is written.",
)
def main(wheels: Path | None, output: Path) -> None:
    """Build the prefix map from bioregistry's data."""
    try:
        if wheels is not None:
            document = read_member(fetch_wheel(BIOREGISTRY, wheels), MEMBER)
        else:
            with tempfile.TemporaryDirectory() as temporary:
                document = read_member(fetch_wheel(BIOREGISTRY, Path(temporary)), MEMBER)
    except WheelError as error:
        raise click.ClickException(str(error)) from error
    records = build_map(json.loads(document))
    # One record a line keeps both the file and a change of it readable.
    lines = ",\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    output.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    click.echo(f"{output.name}: {len(records)} vocabularies", err=True)


if __name__ == "__main__":
    main()
