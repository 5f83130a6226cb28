"""How many records at the members have which code.

Counts come from tables of codes, or from sites' profiles, which tell them of the constants that a
profile may name.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from hereditary_kg.semantics.errors import IdentifierError, UnreadableFileError
from hereditary_kg.semantics.identifiers import normalise
from hereditary_kg.semantics.readers.sources import decode, read_bytes
from hereditary_kg.sites.errors import SiteError
from hereditary_kg.sites.profile import Profile
from hereditary_kg.sites.profile_document import read_profile

__all__ = ["read_record_counts"]


def read_record_counts(paths: Iterable[Path]) -> Mapping[str, int]:
    """Read how many records have which code, and add up what several files say.

    Args:
        paths: tables (TSV, CSV) of a code and a number a row, with or without a head, which may
            be compressed; or profiles of sites (``.json``).

    Returns:
        Canonical CURIE -> records.

    Raises:
        UnreadableFileError: a row has no number, or a file is neither.
    """
    found: Counter[str] = Counter()
    for path in paths:
        content = read_bytes(path)
        if content.lstrip()[:1] == b"{":
            found.update(_of_profile(path, content))
        else:
            for code, count in _rows(path, decode(path, content)):
                found[code] += count
    return dict(found)


def _rows(path: Path, text: str) -> Iterator[tuple[str, int]]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    separator = "\t" if lines and "\t" in lines[0] else ","
    for number, row in enumerate(csv.reader(lines, delimiter=separator), start=1):
        count = row[1].strip().replace(",", "") if len(row) > 1 else ""
        if count.isascii() and count.isdigit():
            try:
                yield normalise(row[0]), int(count)
            except IdentifierError as error:
                raise UnreadableFileError(f"{path} (row {number})", str(error)) from error
        elif number > 1:
            reason = f"{row} is not a code and a whole number."
            raise UnreadableFileError(f"{path} (row {number})", reason)


def _of_profile(path: Path, content: bytes) -> Mapping[str, int]:
    try:
        return _counted(read_profile(content))
    except (SiteError, ValueError) as error:
        reason = f"it is neither a table of counts nor a site's profile: {error}"
        raise UnreadableFileError(str(path), reason) from error


def _counted(profile: Profile) -> Mapping[str, int]:
    found: Counter[str] = Counter()
    counts = [profile.classes, *(each.object_counts for each in profile.predicates.values())]
    for terms in counts:
        for term, count in terms.items():
            try:
                found[normalise(term.strip('"'))] += count
            except IdentifierError:
                continue
    return found
