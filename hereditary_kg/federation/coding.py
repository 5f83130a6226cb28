"""How members write down what the user asks for: codes, values and predicates of their own.

In a federation's description::

    [conversion]
    hub = "hub"                       # what `hkg map import` has compiled
    vocabulary = "NCIT"               # the user's
    broader = true                    # a code without an exact one becomes the nearest above it

    [conversion.vocabularies]         # the user's predicate -> its vocabulary, where it is another
    "ex:gene" = "HGNC"

    [[member]]
    name = "hospital"
    site = "hospital"

    [member.codes]                    # predicate -> how its objects are coded
    "ex:disease" = { vocabulary = "OMIM" }
    "ex:diagnosis" = { vocabulary = "ICD10", iri = "http://hospital.example/icd/" }
    "ex:gene" = { vocabulary = "HGNC", literal = true }

    [member.values]                   # predicate -> the member's value = the user's
    "ex:sex" = { FEMALE = "female", MALE = "male" }

    [member.predicates]               # the member's predicate = the user's
    "ex:geschlecht" = "ex:sex"

Predicates of ``codes`` and ``values`` are the member's. A value is a text, or an IRI in angle
brackets.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hereditary_kg.federation.description_tables import TableReader

__all__ = [
    "VOCABULARY",
    "CodedPredicate",
    "ConversionDescription",
    "MemberCoding",
    "read_coding",
    "read_conversion",
]

VOCABULARY = "https://w3id.org/hereditary-kg/vocab#"
"""The namespace of what is said to the federation itself; its prefix is ``hkg``."""

_RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|^`\\]*")


@dataclass(frozen=True)
class CodedPredicate:
    """How the objects of one predicate are coded at one member.

    Attributes:
        vocabulary: the codes' vocabulary, as the hub names it; empty for whatever vocabulary a
            code's own prefix or namespace names.
        iri: what its IRIs begin with; empty for the namespaces that are known of it.
        literal: whether codes are literals, such as ``"OMIM:105400"`` or, of that vocabulary,
            ``"105400"``. Literals of HGNC may be gene symbols, also ones that were given up.
    """

    vocabulary: str = ""
    iri: str = ""
    literal: bool = False


@dataclass(frozen=True)
class MemberCoding:
    """What one member writes in its own way. Predicates are IRIs, and the member's own.

    Attributes:
        codes: how the objects of predicates are coded.
        values: for predicates with enumerated values: the member's value -> the user's. An IRI
            stands in angle brackets.
        predicates: the member's predicate -> the user's.
    """

    codes: Mapping[str, CodedPredicate] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    predicates: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.codes or self.values or self.predicates)


@dataclass(frozen=True)
class ConversionDescription:
    """In which vocabulary the user asks.

    Attributes:
        vocabulary: its name in the hub.
        hub: the directory of the compiled hub; None where it is given in a program.
        broader: whether a code without an exact one in the vocabulary becomes the nearest above.
        iri: what the user's codes begin with; empty for the vocabulary's canonical namespace.
        vocabularies: the user's predicate -> the vocabulary of its codes, where it is another one.
    """

    vocabulary: str
    hub: Path | None = None
    broader: bool = True
    iri: str = ""
    vocabularies: Mapping[str, str] = field(default_factory=dict)


def read_conversion(reader: TableReader, prefixes: Mapping[str, str]) -> ConversionDescription:
    """Read the table ``[conversion]``.

    Args:
        reader: the table.
        prefixes: the federation's.

    Raises:
        DescriptionError: something in it is wrong.
    """
    reader.refuse_unknown(("hub", "vocabulary", "broader", "iri", "vocabularies"))
    hub = reader.file_path("hub")
    if hub is None:
        raise reader.error("hub", "is missing; name the directory that `hkg map import` made")
    iri = reader.optional_text("iri") or ""
    if iri and not _IRI.fullmatch(iri):
        raise reader.error("iri", f"{iri!r} is no absolute IRI")
    others = reader.table("vocabularies")
    return ConversionDescription(
        reader.text("vocabulary"),
        hub,
        reader.flag("broader", default=True),
        iri,
        {_predicate(others, key, prefixes): others.text(key) for key in others},
    )


def read_coding(reader: TableReader, prefixes: Mapping[str, str]) -> MemberCoding:
    """Read ``codes``, ``values`` and ``predicates`` of a member.

    Args:
        reader: the member's table.
        prefixes: the federation's.

    Raises:
        DescriptionError: something in them is wrong.
    """
    codes, values = reader.table("codes"), reader.table("values")
    coding = MemberCoding(
        {_predicate(codes, key, prefixes): _read_coded(codes.table(key)) for key in codes},
        {_predicate(values, key, prefixes): _read_values(values, key, prefixes) for key in values},
        _read_predicates(reader.table("predicates"), prefixes),
    )
    for key in values:
        if _predicate(values, key, prefixes) in coding.codes:
            raise values.error(key, "the predicate has codes already; it has codes or values")
    return coding


def _read_coded(reader: TableReader) -> CodedPredicate:
    reader.refuse_unknown(("vocabulary", "iri", "literal"))
    coded = CodedPredicate(
        reader.optional_text("vocabulary") or "",
        reader.optional_text("iri") or "",
        reader.flag("literal", default=False),
    )
    if coded.iri and coded.literal:
        raise reader.error("iri", "codes are IRIs or literals, not both")
    if coded.iri and not coded.vocabulary:
        raise reader.error("iri", "say the vocabulary of these IRIs as well")
    return coded


def _read_values(reader: TableReader, key: str, prefixes: Mapping[str, str]) -> Mapping[str, str]:
    table = reader.table(key)
    return {
        _value(table, name, name, prefixes): _value(table, name, table.text(name), prefixes)
        for name in table
    }


def _value(reader: TableReader, key: str, text: str, prefixes: Mapping[str, str]) -> str:
    if not (text.startswith("<") and text.endswith(">")):
        return text
    return f"<{_expanded(reader, key, text[1:-1], prefixes)}>"


def _read_predicates(reader: TableReader, prefixes: Mapping[str, str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for key in reader:
        theirs = _predicate(reader, key, prefixes)
        found[theirs] = _expanded(reader, key, reader.text(key), prefixes)
        if found[theirs] == _RDF_TYPE:
            raise reader.error(key, "rdf:type cannot stand for another predicate")
    return found


def _predicate(reader: TableReader, key: str, prefixes: Mapping[str, str]) -> str:
    iri = _expanded(reader, key, key, prefixes)
    if iri == _RDF_TYPE:
        raise reader.error(key, "classes are not converted; rdf:type is the same everywhere")
    return iri


def _expanded(reader: TableReader, key: str, text: str, prefixes: Mapping[str, str]) -> str:
    """Give the IRI of a prefixed name, or of an IRI."""
    prefix, colon, local = text.partition(":")
    iri = prefixes[prefix] + local if colon and prefix in prefixes else text
    if not _IRI.fullmatch(iri) or (iri is text and "/" not in iri and not iri.startswith("urn:")):
        raise reader.error(
            key, f"{text!r} is neither an IRI nor a name with one of the file's [prefixes]"
        )
    return iri
