"""What a federation consists of: the description file in ``endpoints/``."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from hereditary_kg.federation.binding_forms import BindingKeyword
from hereditary_kg.federation.coding import (
    VOCABULARY,
    ConversionDescription,
    MemberCoding,
    read_coding,
    read_conversion,
)
from hereditary_kg.federation.description_lines import find_key_lines
from hereditary_kg.federation.description_tables import TableReader
from hereditary_kg.federation.errors import DescriptionError

__all__ = ["PROFILE_CHECK", "FederationDescription", "MemberDescription", "read_description"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REFERENCE = re.compile(r"\$\{([^}]*)\}?")
_PREFIX = re.compile(r"(?:[A-Za-z](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?)?")
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|^`\\]*")

PROFILE_CHECK = 300.0
"""Seconds between two comparisons of a profile with the counts of its member."""

# With fewer rows at once, the sizes of the parts could not be asked for.
_SMALLEST_CAP = 18

_FEDERATION_KEYS = ("name", "title", "prefixes", "member", "services", "conversion")
_MEMBER_KEYS = (
    "name",
    "url",
    "site",
    "title",
    "holds",
    "username_variable",
    "password_variable",
    "token_variable",
    "results",
    "timeout",
    "concurrency",
    "profile",
    "profile_check",
    "blank_nodes",
    "bindings",
    "row_cap",
    "codes",
    "values",
    "predicates",
)


@dataclass(frozen=True)
class MemberDescription:
    """A member and how to reach it: at a `url`, or as a `site` directory in this process.

    Attributes:
        name: its name in plans, certificates and blank node labels; letters, digits, hyphens.
        url: the address of its endpoint; may have ``${VARIABLE}`` of the environment.
        site: its directory.
        title: what people read.
        holds: IRIs of predicates, or namespaces of them, that it may hold; counts where there
            is no profile.
        username_variable: the environment variable with the name to log in with.
        password_variable: the environment variable with the password.
        token_variable: the environment variable with the bearer token, instead of these two.
        results: the result format to ask for first; JSON where its TSV is not to be trusted.
        timeout: seconds that one request may wait for it; None for the query's deadline alone.
        concurrency: how many requests it gets at once.
        profile: a file with its profile, for a member that publishes none.
        profile_check: seconds for which a profile that `hkg federation profile` built is used
            before the member is asked again whether its triples are still as many; counts where
            the member does not say which version of its data it answers from.
        blank_nodes: for how long a blank node keeps its label: from answer to answer
            (``stable``), or within one answer only (``answer``), which is all that SPARQL
            promises; None for stable at members that say which version of their data they
            answer from, as sites do, and within one answer at others.
        bindings: in which form it is given bindings: as inline data (``values``), or as a
            ``filter``, for endpoints that know no VALUES; None to find out.
        row_cap: how many rows it gives at most, where it cuts longer answers short; None to
            find out. Such answers are read on in parts.
        coding: what it writes in its own way; counts where the federation converts.
    """

    name: str
    url: str | None = None
    site: Path | None = None
    title: str = ""
    holds: tuple[str, ...] = ()
    username_variable: str | None = None
    password_variable: str | None = None
    token_variable: str | None = None
    results: Literal["tsv", "json"] = "tsv"
    timeout: float | None = None
    concurrency: int = 4
    profile: Path | None = None
    profile_check: float = PROFILE_CHECK
    blank_nodes: Literal["stable", "answer"] | None = None
    bindings: BindingKeyword | None = None
    row_cap: int | None = None
    coding: MemberCoding = field(default_factory=MemberCoding)


@dataclass(frozen=True)
class FederationDescription:
    """A federation.

    Attributes:
        name: its short name.
        title: what people read.
        path: the file that it was read from; None if it was put together in a program.
        prefixes: prefix names (without colon) and the IRIs they stand for.
        members: its members, in the file's order.
        allowed_services: the endpoints that an explicit SERVICE may name.
        conversion: in which vocabulary the user asks; None where nothing is converted.
    """

    name: str
    title: str = ""
    path: Path | None = None
    prefixes: Mapping[str, str] = field(default_factory=dict)
    members: tuple[MemberDescription, ...] = ()
    allowed_services: tuple[str, ...] = ()
    conversion: ConversionDescription | None = None


def read_description(path: str | Path, *, profiled: bool = True) -> FederationDescription:
    """Read a federation description.

    Environment variables are not looked up: that is done when its members are connected.

    Args:
        path: a TOML file.
        profiled: whether the profiles that it names must be there already.

    Raises:
        DescriptionError: it is missing, no TOML, or something in it is wrong; the message
            names file, line and key.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise DescriptionError(
            file, None, "", "no such file; name a federation description (TOML)"
        ) from error
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise DescriptionError(file, None, "", reason) from error
    except UnicodeDecodeError as error:
        raise DescriptionError(file, None, "", "is not UTF-8 text, so no TOML") from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        line = int(place[1]) if place else max(1, len(text.splitlines()))
        raise DescriptionError(file, line, "", f"not TOML: {error}") from error
    reader = TableReader(file, find_key_lines(text), (), table)
    return _read_federation(file, reader, profiled=profiled)


def _read_federation(path: Path, reader: TableReader, *, profiled: bool) -> FederationDescription:
    reader.refuse_unknown(_FEDERATION_KEYS)
    name = reader.text("name")
    prefixes = _read_prefixes(reader.table("prefixes"))
    conversion = None
    if "conversion" in reader:
        conversion = read_conversion(reader.table("conversion"), prefixes)
        prefixes.setdefault("hkg", VOCABULARY)
    members: dict[str, MemberDescription] = {}
    for table in reader.tables("member"):
        member = replace(
            _read_member(table, profiled=profiled), coding=read_coding(table, prefixes)
        )
        if member.coding and conversion is None:
            raise reader.error(
                "conversion", f"is missing; {member.name!r} says how it codes, but not for whom"
            )
        if member.name in members:
            raise table.error("name", f"another member is called {member.name!r} already")
        members[member.name] = member
    if not members:
        raise reader.error("member", "there is none; describe each with a [[member]] table")
    services = reader.table("services")
    services.refuse_unknown(("allowed",))
    for address in services.texts("allowed"):
        if problem := _find_problem(address):
            raise services.error("allowed", problem)
    return FederationDescription(
        name=name,
        title=reader.text("title", name),
        path=path,
        prefixes=prefixes,
        members=tuple(members.values()),
        allowed_services=services.texts("allowed"),
        conversion=conversion,
    )


def _read_prefixes(reader: TableReader) -> dict[str, str]:
    prefixes: dict[str, str] = {}
    for prefix in reader:
        if not _PREFIX.fullmatch(prefix):
            raise reader.error(prefix, "is no prefix name; write it without the colon")
        iri = reader.text(prefix)
        if not _IRI.fullmatch(iri):
            raise reader.error(prefix, f"{iri!r} is no absolute IRI")
        prefixes[prefix] = iri
    return prefixes


def _read_member(reader: TableReader, *, profiled: bool) -> MemberDescription:
    reader.refuse_unknown(_MEMBER_KEYS)
    name = reader.text("name")
    if not _NAME.fullmatch(name):
        raise reader.error(
            "name", f"{name!r} is no name; take up to 63 letters, digits and hyphens"
        )
    _check_address(reader)
    for iri in reader.texts("holds"):
        if not _IRI.fullmatch(iri):
            raise reader.error("holds", f"{iri!r} is no absolute IRI")
    profile = reader.file_path("profile")
    if profiled and profile is not None and not profile.is_file():
        raise reader.error(
            "profile", f"there is no file {profile}; `hkg federation profile {name}` builds it"
        )
    return MemberDescription(
        name=name,
        url=reader.optional_text("url"),
        site=reader.file_path("site"),
        title=reader.text("title", name),
        holds=reader.texts("holds"),
        username_variable=_read_variable_name(reader, "username_variable"),
        password_variable=_read_variable_name(reader, "password_variable"),
        token_variable=_read_variable_name(reader, "token_variable"),
        results=cast("Literal['tsv', 'json']", reader.choice("results", ("tsv", "json"))),
        timeout=reader.seconds("timeout"),
        concurrency=reader.whole_number("concurrency", 4, 1, 256),
        profile=profile,
        profile_check=reader.seconds("profile_check") or PROFILE_CHECK,
        blank_nodes=cast(
            "Literal['stable', 'answer'] | None",
            reader.choice("blank_nodes", ("stable", "answer")) if "blank_nodes" in reader else None,
        ),
        bindings=cast(
            "BindingKeyword | None",
            reader.choice("bindings", ("values", "filter")) if "bindings" in reader else None,
        ),
        row_cap=(
            reader.whole_number("row_cap", 0, _SMALLEST_CAP, 1 << 31)
            if "row_cap" in reader
            else None
        ),
    )


def _check_address(reader: TableReader) -> None:
    """Check where the member is, and that what it wants to know fits to that."""
    if "url" in reader and "site" in reader:
        raise reader.error("site", "there is a url as well; a member has one of the two")
    if "url" not in reader and "site" not in reader:
        raise reader.error("", "has neither url (an endpoint) nor site (a directory)")
    if "url" in reader and (problem := _find_problem(reader.text("url"))):
        raise reader.error("url", problem)
    given = [key for key in _MEMBER_KEYS if key.endswith("_variable") and key in reader]
    if given and "site" in reader:
        raise reader.error(given[0], "a site directory is read without logging in")
    if "token_variable" in given and len(given) > 1:
        raise reader.error(
            "token_variable", "log in with a token or with name and password, not with both"
        )
    if len(given) == 1 and "token_variable" not in given:
        other = {"username_variable": "password_variable"}.get(given[0], "username_variable")
        raise reader.error(given[0], f"needs {other} beside it")


def _read_variable_name(reader: TableReader, key: str) -> str | None:
    value = reader.optional_text(key)
    if value is not None and not _VARIABLE.fullmatch(value):
        # The value is not shown: it might be the secret itself.
        raise reader.error(
            key,
            "is not the name of an environment variable (letters, digits, underscores); the "
            "secret itself does not belong in this file",
        )
    return value


def _find_problem(address: str) -> str | None:
    """Say what is wrong with an address; None if nothing is.

    An address with ``${VARIABLE}`` is judged as a whole when it is filled in.
    """
    references = _REFERENCE.findall(address)
    if references:
        wrong = [name for name in references if not _VARIABLE.fullmatch(name)]
        return f"${{{wrong[0]}}} names no environment variable" if wrong else None
    try:
        parts = urlsplit(address)
        port_is_good = parts.port != 0
    except ValueError:
        return "is no address; write it like http://127.0.0.1:7878/sparql"
    if parts.username is not None or parts.password is not None:
        return (
            "secrets do not belong in this file; name environment variables with "
            "username_variable and password_variable"
        )
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_good:
        return f"{address!r} is no http or https address"
    if parts.fragment or any(character.isspace() for character in address):
        return f"{address!r} has a space or a fragment, which no endpoint's address has"
    return None
