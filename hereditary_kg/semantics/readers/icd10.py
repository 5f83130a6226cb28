"""ICD-10 of the WHO and ICD-10-CM, as XML, and which of their codes are the same."""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import polars as pl

from hereditary_kg.semantics.errors import UnreadableFileError
from hereditary_kg.semantics.hub import MAPPINGS
from hereditary_kg.semantics.readers.reading import Document, Draft, Reading, assemble
from hereditary_kg.semantics.terminology import Terminology

__all__ = ["parse_xml", "read_icd10", "read_icd10cm", "same_codes"]

_SEVENTH = 7


def parse_xml(path: Path, content: bytes) -> ET.Element:
    """Parse XML.

    Raises:
        UnreadableFileError: it is not well-formed; line and column are named.
    """
    try:
        # expat bounds what entities may blow up to, and external ones are not read.
        return ET.fromstring(content)  # noqa: S314
    except ET.ParseError as error:
        line, column = error.position
        reason = f"it is not well-formed XML: {str(error).split(':')[0]}."
        raise UnreadableFileError(f"{path}:{line}:{column + 1}", reason) from error


def read_icd10(path: Path, content: bytes) -> Reading:
    """Read the WHO's ICD-10 as a tree of ``item`` with ``name`` and ``description``.

    Chapters (``ICD10:VI``), blocks (``ICD10:G10-G14``), categories and subcategories are terms.

    Raises:
        UnreadableFileError: it is not well-formed, or has no such items.
    """
    root = parse_xml(path, content)
    year = re.search(r"v(\d{4})", root.tag)
    document = Document(
        path.name,
        year[1] if year else "",
        "International Statistical Classification of Diseases, 10th revision",
        "CC BY-ND 3.0 IGO, https://creativecommons.org/licenses/by-nd/3.0/igo/",
        "https://icd.who.int/browse10",
    )
    drafts = list(_who_drafts(root, None))
    if not drafts:
        raise UnreadableFileError(str(path), "it has no items with a name.")
    return assemble(drafts, document)


def _who_drafts(element: ET.Element, parent: str | None) -> Iterator[Draft]:
    for item in element.findall("item"):
        name = f"ICD10:{_text(item, 'name')}"
        yield Draft(name, _text(item, "description"), parents=[parent] if parent else [])
        yield from _who_drafts(item, name)


def read_icd10cm(path: Path, content: bytes) -> Reading:
    """Read the tabular list of ICD-10-CM.

    Codes with a seventh character, of which the list has only the rule, are made as terms below
    the code that they extend. Inclusion terms are ``related`` synonyms: some are other names, some
    examples.

    Source: ICD-10-CM Official Guidelines, I.A.4 and I.A.5 (placeholder and seventh character).

    Raises:
        UnreadableFileError: it is not well-formed, or has no chapters.
    """
    root = parse_xml(path, content)
    document = Document(
        path.name,
        root.findtext("version", "").strip(),
        "ICD-10-CM tabular list of diseases and injuries",
        "public domain (US CDC/NCHS)",
        "https://www.cdc.gov/nchs/icd/icd-10-cm",
    )
    drafts: list[Draft] = []
    for chapter in root.findall("chapter"):
        top = f"ICD10CM:{_text(chapter, 'name')}"
        drafts.append(Draft(top, _text(chapter, "desc")))
        for section in chapter.findall("section"):
            drafts += _section_drafts(section, top)
    if not drafts:
        raise UnreadableFileError(str(path), "it has no chapters.")
    return assemble(drafts, document)


def _section_drafts(section: ET.Element, chapter: str) -> Iterator[Draft]:
    name = f"ICD10CM:{section.get('id', '')}"
    codes = [_text(each, "name") for each in section.findall("diag")]
    # A section of one category has the category's own code.
    if section.get("id") in codes:
        name = chapter
    elif codes:
        yield Draft(name, _text(section, "desc"), parents=[chapter])
    for each in section.findall("diag"):
        yield from _code_drafts(each, name, {})


def _code_drafts(element: ET.Element, parent: str, seventh: dict[str, str]) -> Iterator[Draft]:
    code, title = _text(element, "name"), _text(element, "desc")
    rule = element.find("sevenChrDef")
    if rule is not None:
        # Some rules list a character that is none: the code without an extension.
        seventh = {each.get("char", ""): (each.text or "").strip() for each in rule}
        seventh.pop("", None)
    name = f"ICD10CM:{code}"
    notes = [(note.text or "").strip() for note in element.findall("inclusionTerm/note")]
    synonyms = [(text, "related") for text in notes if text]
    yield Draft(name, title, parents=[parent], synonyms=synonyms)
    below = element.findall("diag")
    for each in below:
        yield from _code_drafts(each, name, seventh)
    if not below and len(code.replace(".", "")) < _SEVENTH:
        for character, meaning in seventh.items():
            stem = code.replace(".", "").ljust(_SEVENTH - 1, "X")
            extended = f"ICD10CM:{stem[:3]}.{stem[3:]}{character}"
            yield Draft(extended, f"{title}, {meaning}", parents=[name])


def _text(element: ET.Element, name: str) -> str:
    return " ".join(element.findtext(name, "").split())


_SPELLINGS = (
    (r"\((?:[A-Z]\d\w-[A-Z]\d\w|[A-Z]\d\d)\)", " "),
    (r"tumour", "tumor"),
    (r"(?<=[a-z])aem|\baem", "em"),
    (r"aes|\baet", lambda match: match[0][1:]),
    (r"oeb|oed|oes|oea|coel", lambda match: match[0].replace("oe", "e")),
    (r"(?<=\w)ise\b", "ize"),
    (r"ised\b", "ized"),
    (r"isation", "ization"),
    (r"paed", "ped"),
    (r"gynaec", "gynec"),
    (r"centre", "center"),
    (r"(?<=col|avi)our", "or"),
    (r"fibre", "fiber"),
    (r"leuk", "leuc"),
    (r"\bunspecified\b|\bnot otherwise specified\b|\bnos\b", "unspecified"),
    (r"\b(the|of|and|in|due|to|with|a|an|by|or|disease|diseases|disorder|disorders)\b", " "),
    (r"[^a-z0-9]+", " "),
    (r"(?<=\w\w\w)s\b", ""),
)


def _title_words(title: str) -> frozenset[str]:
    """Give a title's words, whichever English it is written in."""
    text = re.sub(_SPELLINGS[0][0], " ", title).casefold()
    for pattern, replacement in _SPELLINGS[1:]:
        text = re.sub(pattern, replacement, text)
    return frozenset(text.split())


def same_codes(who: Terminology, cm: Terminology) -> pl.DataFrame:
    """Find codes with at most one digit after the dot that are the same in both classifications.

    The same code alone does not make the same category (in ICD-10-CM, X34 is an accident of its
    own): titles have to agree as well, in words and apart from spelling and order.

    Returns:
        Exact mappings; see `MAPPINGS` of the hub.
    """
    short = r"^[A-Z]\d[0-9A-Z](\.\w)?$|-"
    titles = {each.name: _titles(each, short) for each in (who, cm)}
    rows = [
        (f"{who.name}:{code}", f"{cm.name}:{code}")
        for code, title in sorted(titles[who.name].items())
        if code in titles[cm.name] and _agree(title, titles[cm.name][code])
    ]
    origin = f"{who.name} {who.version} and {cm.name} {cm.version}"
    return pl.DataFrame(
        {
            "subject": [subject for subject, _ in rows],
            "predicate": ["skos:exactMatch"] * len(rows),
            "object": [end for _, end in rows],
            "justification": ["semapv:LexicalMatching"] * len(rows),
            "confidence": [None] * len(rows),
            "author": [None] * len(rows),
            "reviewer": [None] * len(rows),
            "source": [f"{origin}#{number}" for number in range(1, len(rows) + 1)],
            "licence": [None] * len(rows),
        },
        schema=MAPPINGS,
    )


def _titles(terminology: Terminology, pattern: str) -> dict[str, str]:
    start = len(terminology.name) + 1
    pairs = zip(terminology.terms["id"], terminology.terms["label"], strict=True)
    return {name[start:]: title for name, title in pairs if re.search(pattern, name[start:])}


def _agree(one: str | None, other: str | None) -> bool:
    if not one or not other:
        return False
    # The WHO puts a category's title before a subcategory's: "Malignant neoplasm: Gallbladder".
    wanted = _title_words(other)
    return wanted in (_title_words(one), _title_words(one.rpartition(": ")[2]))
