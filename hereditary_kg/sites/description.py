"""What a site says of itself: the file ``site.toml``."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hereditary_kg.sites.errors import SiteDescriptionError, SiteError
from hereditary_kg.sites.shared_namespaces import DETECTED

__all__ = [
    "DESCRIPTION_FILE",
    "ServiceSettings",
    "SiteDescription",
    "check_base_iri",
    "check_name",
    "check_shared_namespaces",
    "read_site_description",
    "write_site_description",
]

DESCRIPTION_FILE = "site.toml"

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_NAMESPACE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|^`\\]+")
_BASE_IRI = re.compile(r"https?://[^\s<>\"{}|^`\\/]+(?:/[^\s<>\"{}|^`\\?#]*)?/")


@dataclass(frozen=True)
class ServiceSettings:
    """How a site is served where the command line says nothing else.

    Attributes:
        host: the address to listen on.
        port: the TCP port; 0 takes a free one.
        workers: how many queries run at once.
        time_limit: seconds that one query may take.
        memory_limit: megabytes (2**20 bytes) that one query may hold.
    """

    host: str = "127.0.0.1"
    port: int = 7878
    workers: int = 2
    time_limit: float = 60.0
    memory_limit: int = 2048


@dataclass(frozen=True)
class SiteDescription:
    """A site's ``site.toml``.

    Attributes:
        name: a short name, lower case, fit for blank node labels.
        title: what people read.
        base_iri: where the site's own IRIs begin (those of skolemised blank nodes).
        created: when the site was created.
        service: how it is served.
        shared_namespaces: namespaces whose IRIs are no secret: the profile publishes hashes of
            those in use, and lists named graphs and rare classes there by name, so that a
            federation asks this site only for what it has. ``detected``
            stands for the namespaces that are plainly vocabularies, and for texts of few values
            (`sites.shared_namespaces`); without it only what is listed is published, and with
            an empty list nothing.
    """

    name: str
    title: str
    base_iri: str
    created: datetime
    service: ServiceSettings = field(default_factory=ServiceSettings)
    shared_namespaces: tuple[str, ...] = (DETECTED,)


def check_name(name: str) -> str:
    """Give back a site's name.

    Raises:
        SiteError: it is no name.
    """
    if not _NAME.fullmatch(name):
        raise SiteError(
            f"{name!r} is no name for a site: take up to 63 lower-case letters, digits, "
            "'-' and '_', a letter first"
        )
    return name


def check_base_iri(base_iri: str) -> str:
    """Give back a site's base IRI.

    Raises:
        SiteError: it is no http(s) IRI that ends in a slash.
    """
    if not _BASE_IRI.fullmatch(base_iri):
        raise SiteError(
            f"{base_iri!r} is no base IRI: take one that begins with http:// or https:// "
            "and ends in '/'"
        )
    return base_iri


def check_shared_namespaces(entries: Iterable[str], base_iri: str) -> tuple[str, ...]:
    """Give back a site's shared namespaces, each once.

    Args:
        entries: namespaces, and `DETECTED`.
        base_iri: the site's.

    Raises:
        SiteError: one is no beginning of an IRI, or would cover the site's own IRIs.
    """
    given = tuple(dict.fromkeys(entries))
    for entry in given:
        if entry == DETECTED:
            continue
        if not _NAMESPACE.fullmatch(entry):
            raise SiteError(
                f"{entry!r} is no namespace: take how the IRIs of a vocabulary begin, such as "
                f"http://purl.obolibrary.org/obo/HP_, or {DETECTED!r}"
            )
        if base_iri.startswith(entry):
            raise SiteError(
                f"{entry} covers the site's own IRIs, which begin with {base_iri}, and they must "
                "not be published; name the vocabulary below it"
            )
    return given


def read_site_description(path: Path) -> SiteDescription:
    """Read a ``site.toml``.

    Raises:
        SiteDescriptionError: the file is missing, is not TOML, or has a wrong or unknown key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = f"cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}"
        raise SiteDescriptionError(path, None, None, reason) from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        number = int(line[1]) if line else len(text.splitlines())
        raise SiteDescriptionError(path, number, None, f"not TOML: {error}") from error
    return _DescriptionReader(path, text).read(table)


def write_site_description(path: Path, description: SiteDescription) -> None:
    """Write a ``site.toml``."""
    service = description.service
    text = f"""\
name = {_quote(description.name)}
title = {_quote(description.title)}
# Where this site's own IRIs begin; blank nodes become IRIs below it when they are loaded.
base_iri = {_quote(description.base_iri)}
created = {description.created.astimezone(UTC).isoformat(timespec="seconds")}
# Namespaces of vocabularies: which of their IRIs occur here is published, as hashes, and named
# graphs and rare classes in them are listed. "detected" stands for those that plainly are
# vocabularies; [] publishes nothing of the kind.
shared_namespaces = [{", ".join(map(_quote, description.shared_namespaces))}]

[service]
host = {_quote(service.host)}
port = {service.port}
# How many queries run at once, and what one of them may take: seconds, megabytes.
workers = {service.workers}
time_limit = {service.time_limit:g}
memory_limit = {service.memory_limit}
"""
    path.write_text(text, encoding="utf-8")


def _quote(text: str) -> str:
    escaped = "".join(
        f"\\u{ord(character):04x}" if character in '"\\' or ord(character) < 32 else character
        for character in text
    )
    return f'"{escaped}"'


class _DescriptionReader:
    """Turns the tables of one file into a description; knows where each key stands."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()

    def read(self, table: Mapping[str, Any]) -> SiteDescription:
        self._allow(
            table, "", ("name", "title", "base_iri", "created", "shared_namespaces", "service")
        )
        name = self._take(table, "", "name", str)
        created = self._take(table, "", "created", datetime, datetime.fromtimestamp(0, UTC))
        base_iri = self._take(table, "", "base_iri", str)
        for key, value, check in (
            ("name", name, check_name),
            ("base_iri", base_iri, check_base_iri),
        ):
            try:
                check(value)
            except SiteError as error:
                raise self._wrong(key, str(error)) from error
        shared = self._take(table, "", "shared_namespaces", list, [DETECTED])
        if not all(isinstance(each, str) for each in shared):
            raise self._wrong("shared_namespaces", "must be a list of texts in quotes")
        try:
            namespaces = check_shared_namespaces(shared, base_iri)
        except SiteError as error:
            raise self._wrong("shared_namespaces", str(error)) from error
        return SiteDescription(
            name=name,
            title=self._take(table, "", "title", str, name),
            base_iri=base_iri,
            created=created if created.tzinfo else created.replace(tzinfo=UTC),
            service=self._read_service(self._take(table, "", "service", dict, {})),
            shared_namespaces=namespaces,
        )

    def _read_service(self, table: Mapping[str, Any]) -> ServiceSettings:
        usual = ServiceSettings()
        self._allow(table, "service.", ("host", "port", "workers", "time_limit", "memory_limit"))
        settings = ServiceSettings(
            host=self._take(table, "service.", "host", str, usual.host),
            port=self._take(table, "service.", "port", int, usual.port),
            workers=self._take(table, "service.", "workers", int, usual.workers),
            time_limit=float(
                self._take(table, "service.", "time_limit", (int, float), usual.time_limit)
            ),
            memory_limit=self._take(table, "service.", "memory_limit", int, usual.memory_limit),
        )
        for key, right, rule in (
            ("port", 0 <= settings.port <= 65535, "must lie between 0 and 65535"),
            ("workers", 1 <= settings.workers <= 256, "must lie between 1 and 256"),
            ("time_limit", settings.time_limit > 0, "must be more than 0 seconds"),
            ("memory_limit", settings.memory_limit >= 256, "must be at least 256 megabytes"),
        ):
            if not right:
                raise self._wrong(f"service.{key}", rule)
        return settings

    def _allow(self, table: Mapping[str, Any], prefix: str, known: tuple[str, ...]) -> None:
        for key in table:
            if key not in known:
                raise self._wrong(prefix + key, f"unknown key; known are {', '.join(known)}")

    def _take(
        self,
        table: Mapping[str, Any],
        prefix: str,
        key: str,
        kind: type | tuple[type, ...],
        usual: Any = None,
    ) -> Any:
        if key not in table:
            if usual is None:
                raise self._wrong(prefix + key, "is missing")
            return usual
        value = table[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            kinds = kind if isinstance(kind, tuple) else (kind,)
            wanted = " or ".join(_KIND_NAMES[each] for each in kinds)
            raise self._wrong(prefix + key, f"must be {wanted}, not {value!r}")
        return value

    def _wrong(self, key: str, reason: str) -> SiteDescriptionError:
        table, _, name = key.rpartition(".")
        current = ""
        for number, line in enumerate(self._lines, 1):
            header = re.match(r"\s*\[\s*([\w.-]+)\s*\]", line)
            if header:
                current = header[1]
                if current == key:
                    return SiteDescriptionError(self._path, number, key, reason)
            elif current == table and re.match(rf"\s*\"?{re.escape(name)}\"?\s*=", line):
                return SiteDescriptionError(self._path, number, key, reason)
        return SiteDescriptionError(self._path, None, key, reason)


_KIND_NAMES: Mapping[type, str] = {
    str: "a text in quotes",
    int: "a whole number",
    float: "a number",
    dict: "a table",
    list: "a list",
    datetime: "a date with time",
}
