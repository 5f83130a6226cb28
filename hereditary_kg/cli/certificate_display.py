"""What certificates and requests say, as plain values, for people, and for a server's list."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from hereditary_kg.cli.errors import CommandError
from hereditary_kg.cli.settings import open_console
from hereditary_kg.cli.tables import make_table

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["DescribedFile", "describe_file", "print_files"]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_REQUEST = b"-----BEGIN CERTIFICATE REQUEST-----"
_SITE, _SERVER, _AUTHORITY = "site", "server", "authority"


@dataclass(frozen=True)
class DescribedFile:
    """What a file is.

    Attributes:
        path: the file.
        kind: whose certificate it is: ``"site"``, ``"server"`` or ``"authority"``.
        requested: whether it is only asked for.
        names: whom it is for.
        key: the fingerprint of the public key.
        fingerprint: that of the certificate; None for a request.
        signed_by: the authority; None for a request.
        valid_from: when it becomes valid, in UTC; None for a request.
        until: when it expires.
        days_left: days until then; negative where it has expired.
        warning: what is to be done about that; empty where there is nothing.
    """

    path: str
    kind: str
    requested: bool
    names: tuple[str, ...]
    key: str
    fingerprint: str | None = None
    signed_by: str | None = None
    valid_from: str | None = None
    until: str | None = None
    days_left: int | None = None
    warning: str = ""


def describe_file(path: Path) -> DescribedFile:
    """Read a certificate or a request, and say what it is.

    Raises:
        CertificateError: the file cannot be read, or is neither.
    """
    from hereditary_kg.embeddings.grids.certificate_requests import (
        CertificateRequest,
        key_fingerprint,
    )
    from hereditary_kg.embeddings.grids.certificates import read_certificate

    if path.is_file() and path.read_bytes().lstrip().startswith(_REQUEST):
        asked = CertificateRequest.read(path)
        kind = _SERVER if asked.for_server else _SITE
        return DescribedFile(str(path), kind, True, asked.names, key_fingerprint(asked.key))
    return _describe_certificate(path, read_certificate(path))


def _describe_certificate(path: Path, found: "x509.Certificate") -> DescribedFile:
    from hereditary_kg.embeddings.grids.certificate_requests import key_fingerprint
    from hereditary_kg.embeddings.grids.certificates import (
        expires_soon,
        fingerprint,
        is_authority,
        is_for_servers,
        names_of,
    )

    end = found.not_valid_after_utc
    left = end - datetime.now(tz=UTC)
    kind = _SERVER if is_for_servers(found) else _SITE
    names = tuple(sorted(names_of(found)))
    if is_authority(found):
        kind, names = _AUTHORITY, (_name(found.subject),)
    warning = ""
    if left.total_seconds() < 0:
        warning = "the certificate has expired. Have another one signed."
    elif expires_soon(found):
        warning = f"the certificate expires in {left.days} days. Renew it before."
    return DescribedFile(
        path=str(path),
        kind=kind,
        requested=False,
        names=names,
        key=key_fingerprint(found),
        fingerprint=fingerprint(found),
        signed_by=_name(found.issuer),
        valid_from=f"{found.not_valid_before_utc:%Y-%m-%d %H:%M} UTC",
        until=f"{end:%Y-%m-%d %H:%M} UTC",
        days_left=left.days,
        warning=warning,
    )


def print_files(described: Sequence[DescribedFile], output_format: str) -> None:
    """Print what `describe_file` gives.

    Args:
        described: of each file.
        output_format: ``"table"``, ``"json"``, or ``"toml"`` for the lines of a server's list.

    Raises:
        CommandError: as TOML, and one is no site's certificate.
    """
    if output_format == "json":
        click.echo(json.dumps([asdict(each) for each in described], indent=2, ensure_ascii=False))
        return
    if output_format == "toml":
        click.echo(_list_sites(described))
        return
    console = open_console()
    for number, each in enumerate(described):
        if number:
            console.print()
        what = "request for the" if each.requested else "the"
        table = make_table("file", each.path, folded=each.path)
        table.add_row("what", f"{what} certificate of {_whose(each.kind)}")
        for key, value in (
            ("for", ", ".join(each.names)),
            ("fingerprint", each.fingerprint),
            ("key", each.key),
            ("signed by", each.signed_by),
            ("valid from", each.valid_from),
            ("until", each.until and f"{each.until}, {each.days_left} days from now"),
        ):
            if value:
                table.add_row(key, value)
        console.print(table)


def _whose(kind: str) -> str:
    return f"an {kind}" if kind == _AUTHORITY else f"a {kind}"


def _list_sites(described: Iterable[DescribedFile]) -> str:
    tables = []
    for each in described:
        if each.kind != _SITE or each.requested or len(each.names) != 1:
            raise CommandError(
                f"{each.path}: this is no certificate of a site with one name",
                "A server's list of sites has the signed certificates of sites.",
            )
        (name,) = each.names
        key = name if _BARE_KEY.fullmatch(name) else json.dumps(name)
        tables.append(f'[sites.{key}]\nfingerprint = "{each.fingerprint}"\n')
    return "\n".join(tables)


def _name(name: "x509.Name") -> str:
    """Give what people call a subject."""
    from cryptography.x509.oid import NameOID

    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()
