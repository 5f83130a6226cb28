"""Codes in GA4GH Phenopackets v2: JSON, or one packet a line.

Wherever the schema has an ``OntologyClass`` (identifier and label), and for gene vocabularies a
gene descriptor (identifier and symbol), its code is converted.

Source: https://phenopacket-schema.readthedocs.io/, version 2.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import orjson

from hereditary_kg.semantics.data_conversion.data_files import (
    DataFormat,
    describe_file,
    open_input,
    open_packed,
)
from hereditary_kg.semantics.data_conversion.gene_symbols import GENE_VOCABULARIES
from hereditary_kg.semantics.data_conversion.keeping import Keep
from hereditary_kg.semantics.data_conversion.loss_report import LossReport
from hereditary_kg.semantics.data_conversion.outcomes import CodeConverter, Outcome
from hereditary_kg.semantics.errors import IdentifierError, UnreadableFileError
from hereditary_kg.semantics.identifiers import iri_of

__all__ = ["convert_packet", "convert_phenopackets"]

_CLASS = frozenset({"id", "label"})
_GENE = frozenset({"valueId", "symbol"})
_REPEATABLE = frozenset({"term", "type"})
"""The fields of a list's elements that make what the element is: a disease, a feature."""
_OUTSIDE = "metaData"


def convert_phenopackets(
    source: Path,
    target: IO[bytes],
    written: DataFormat,
    converter: CodeConverter,
    *,
    places: frozenset[str] = frozenset(),
    keep: Keep = Keep.MAPPINGS,
    extension: str | None = None,
    on_read: Callable[[int], None] = lambda _: None,
) -> LossReport:
    """Convert the codes of a file of phenopackets, families or cohorts.

    What has to be kept of the original codes is written as ``metaData.externalReferences``, the
    one place that the schema has for it.

    Args:
        source: the file: JSON (one packet, or a list of them), or one packet a line.
        target: where converted packets go.
        written: in which format and packing.
        converter: what converts codes.
        places: the paths (``diseases[].term``) at which codes are converted; empty for all.
        keep: what stays of the original codes.
        extension: the format of ``source``, where its name does not tell it.
        on_read: told now and then how many bytes have been read.

    Raises:
        UnreadableFileError: it is not JSON, or no packet; the line is named.
    """
    report = LossReport(converter)
    given = describe_file(source, extension)
    by_line = given.extension != "json"
    with (
        open_input(source, given.packing) as stream,
        open_packed(target, written.packing, "w") as output,
    ):
        packets = _lines(source, stream, on_read) if by_line else _document(source, stream)
        converted = (
            convert_packet(packet, converter, report, places=places, keep=keep)
            for packet in packets
        )
        if written.extension == "json":
            _write_document(list(converted), output, alone=not by_line)
        else:
            for packet in converted:
                output.write(orjson.dumps(packet, option=orjson.OPT_APPEND_NEWLINE))
    return report


def _lines(
    path: Path, stream: IO[bytes], on_read: Callable[[int], None]
) -> Iterator[dict[str, Any]]:
    done = 0
    for number, line in enumerate(stream, 1):
        done += len(line)
        if line.strip():
            yield _checked(_load(line, f"{path}:{number}"), f"{path}:{number}")
        on_read(done)


def _document(path: Path, stream: IO[bytes]) -> Iterator[dict[str, Any]]:
    document = _load(stream.read(), str(path))
    for each in document if isinstance(document, list) else [document]:
        yield _checked(each, str(path))


def _load(text: bytes, place: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        reason = f"it is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        raise UnreadableFileError(place, reason) from error


def _checked(packet: Any, place: str) -> dict[str, Any]:
    if not isinstance(packet, dict) or "id" not in packet:
        remedy = "A phenopacket is an object with an id."
        raise UnreadableFileError(place, "there is no phenopacket.", remedy)
    return packet


def _write_document(packets: list[dict[str, Any]], output: IO[bytes], *, alone: bool) -> None:
    document = packets[0] if alone and len(packets) == 1 else packets
    output.write(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def convert_packet(
    packet: dict[str, Any],
    converter: CodeConverter,
    report: LossReport,
    *,
    places: frozenset[str] = frozenset(),
    keep: Keep = Keep.MAPPINGS,
) -> dict[str, Any]:
    """Convert the codes of one packet, which stays as it is.

    Returns:
        The packet with other codes.
    """
    rewriting = _Rewriting(converter, report, places)
    converted: dict[str, Any] = {
        name: value if name == _OUTSIDE else rewriting.value(value, name)
        for name, value in packet.items()
    }
    changed = [each for each in rewriting.outcomes.values() if each.changed]
    if changed:
        _describe(converted, changed, converter, keep)
    return converted


@dataclass
class _Rewriting:
    """The conversion of one packet."""

    converter: CodeConverter
    report: LossReport
    places: frozenset[str]
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def value(self, value: Any, place: str) -> Any:
        if isinstance(value, list):
            return [each for part in value for each in self._element(part, f"{place}[]")]
        if not isinstance(value, dict):
            return value
        if self._is_code(value, place):
            return self._coded(value, place)[0]
        return {
            name: part if name == _OUTSIDE else self.value(part, f"{place}.{name}")
            for name, part in value.items()
        }

    def _element(self, value: Any, place: str) -> list[Any]:
        """Convert an element of a list, which may become several."""
        if isinstance(value, dict):
            if self._is_code(value, place):
                return self._coded(value, place)
            for name in _REPEATABLE & value.keys():
                if self._is_code(value[name], f"{place}.{name}"):
                    several = self._coded(value[name], f"{place}.{name}")
                    rest = {key: part for key, part in value.items() if key != name}
                    others = self.value(rest, place)
                    return [
                        {key: code if key == name else others[key] for key in value}
                        for code in several
                    ]
        return [self.value(value, place)]

    def _is_code(self, value: Any, place: str) -> bool:
        if not isinstance(value, dict) or (self.places and place not in self.places):
            return False
        if value.keys() <= _CLASS and isinstance(value.get("id"), str):
            # Elements such as individuals have an id as well; codes have their prefix.
            return ":" in value["id"]
        of_genes = self.converter.vocabulary in GENE_VOCABULARIES
        return of_genes and isinstance(value.get("valueId"), str) and value.keys() >= _GENE

    def _coded(self, value: dict[str, Any], place: str) -> list[dict[str, Any]]:
        key, name = ("valueId", "symbol") if "valueId" in value else ("id", "label")
        outcome = self.converter.convert(value[key])
        if outcome is None:
            return [value]
        self.report.add(place, outcome)
        targets = self.converter.targets(outcome)
        if not targets:
            return [value]
        self.outcomes.setdefault(outcome.name, outcome)
        if targets == (value[key],):
            return [value]
        # The old label would be wrong beside the new code.
        return [
            {**value, key: target, name: self.converter.label(target) or target}
            for target in targets
        ]


def _describe(
    packet: dict[str, Any], changed: list[Outcome], converter: CodeConverter, keep: Keep
) -> None:
    """Say in a packet's metadata which vocabulary is used, and what was converted."""
    metadata = packet[_OUTSIDE] = dict(packet.get(_OUTSIDE) or {})
    resources = list(metadata.get("resources") or [])
    if not any(each.get("namespacePrefix") == converter.vocabulary for each in resources):
        resources.append(_resource(converter))
    metadata["resources"] = resources
    if keep is Keep.NOTHING:
        return
    references = list(metadata.get("externalReferences") or [])
    for outcome in changed:
        first = outcome.conversions[0]
        told = f"{outcome.name} converted to {first.target}: {outcome.standing.value}"
        told += f", {outcome.distance} steps" if outcome.distance else ""
        reference = {"id": outcome.name, "description": told}
        if keep is Keep.MAPPINGS:
            reference["description"] += f"; by {', '.join(converter.mappings(first))}"
        references.append(reference)
    metadata["externalReferences"] = references


def _resource(converter: CodeConverter) -> dict[str, str]:
    name = converter.vocabulary
    known = converter.hub.terminologies.get(name)
    try:
        prefix = iri_of(f"{name}:0").removesuffix("0")
    except IdentifierError:
        prefix = ""
    return {
        "id": name.lower(),
        "name": (known.title if known else "") or name,
        "url": prefix,
        "version": known.version if known else "",
        "namespacePrefix": name,
        "iriPrefix": prefix,
    }
