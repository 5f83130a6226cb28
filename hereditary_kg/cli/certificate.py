"""``hkg certificate``: who is who in a training over several machines."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from click.exceptions import Exit

from hereditary_kg.cli.command_groups import LazyGroup
from hereditary_kg.cli.errors import INCOMPLETE, WRONG_INPUT, CommandError
from hereditary_kg.cli.settings import Function, Settings, common_options, pass_settings, tell

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

    from hereditary_kg.embeddings.grids.certificate_requests import CertificateRequest
    from hereditary_kg.embeddings.grids.certificates import Authority

__all__ = ["certificate"]

_NAME = click.argument("name", metavar="NAME")
_FORCE = click.option("--force", is_flag=True, help="Replace files that are there already.")
_HOSTS = click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="HOST",
    help="The certificate is a server's: a DNS name or an IP address by which sites reach it. May "
    "be given several times.",
)
_AUTHORITY = click.option(
    "--authority",
    "authority_place",
    type=click.Path(path_type=Path),
    default=".",
    metavar="DIR",
    help="Where authority.pem and authority.key are, if not here.",
)
_OUTPUT = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=".",
    metavar="DIR",
    help="Where the files go, if not here.",
)


def _days(default: int) -> Callable[[Function], Function]:
    return click.option(
        "--days",
        type=click.IntRange(1, 3650),
        default=default,
        show_default=True,
        help="How long it is valid.",
    )


@click.group(cls=LazyGroup)
@common_options
def certificate() -> None:
    """Make and show the certificates by which a training's server and sites know each other.

    Each side makes its own private key, which never leaves it, and a request (`request`). Whoever
    is trusted to say who is who signs the requests (`authority`, `sign`). For a trial on one
    machine, `issue` makes key and certificate at once.
    """


@certificate.command()
@_NAME
@_OUTPUT
@_days(365)
@click.option(
    "--force",
    is_flag=True,
    help="Replace an authority that is there already: all that it has signed is void.",
)
@common_options
@pass_settings
def authority(settings: Settings, *, name: str, output: Path, days: int, force: bool) -> None:
    """Make an authority, which says who is who: authority.pem and authority.key.

    NAME is what its certificate says, such as "Rare disease training 2026". Who has authority.key
    can pass for any side: keep it on a machine that is not a part of the training. All sides need
    authority.pem.
    """
    _need_cryptography(settings)
    from hereditary_kg.embeddings.grids.certificates import Authority, fingerprint

    if not 0 < len(name) <= 64:
        raise CommandError(f"the name has {len(name)} characters", "Give 1 to 64.")
    _check_free(output, ("authority.key", "authority.pem"), force=force)
    made = Authority.create(name, days)
    made.write(output, replace=force)
    tell(
        settings,
        f"Wrote {output / 'authority.key'}, which stays here, and {output / 'authority.pem'}.",
    )
    tell(
        settings,
        "Next: give authority.pem to all sides, and by another way its fingerprint, "
        f"{fingerprint(made.certificate)}",
    )


@certificate.command()
@_NAME
@_HOSTS
@_OUTPUT
@_FORCE
@common_options
@pass_settings
def request(
    settings: Settings, *, name: str, hosts: tuple[str, ...], output: Path, force: bool
) -> None:
    """Make a private key and a request for its certificate: NAME.key and NAME.csr.

    A site's NAME is what the server's list calls it. A server gives one --host at least.
    NAME.key stays where it was made. NAME.csr goes to the authority, whose people can ask for the
    key's fingerprint by another way.
    """
    _need_cryptography(settings)
    from hereditary_kg.embeddings.grids.certificate_requests import key_fingerprint
    from hereditary_kg.embeddings.grids.key_files import (
        create_key,
        key_as_pem,
        write_private,
        write_public,
    )

    key = create_key()
    asked = _describe(key, name, hosts)
    _check_free(output, (f"{name}.key", f"{name}.csr"), force=force)
    write_private(output / f"{name}.key", key_as_pem(key), replace=force)
    write_public(output / f"{name}.csr", asked.sign(key), replace=force)
    tell(settings, f"Wrote {output / name}.key, which stays here, and {output / name}.csr.")
    tell(
        settings,
        f"Next: give {name}.csr to the authority (hkg certificate sign), and by another way the "
        f"key's fingerprint, {key_fingerprint(asked.key)}",
    )


@certificate.command()
@click.argument("path", type=click.Path(path_type=Path), metavar="REQUEST")
@click.option(
    "--server",
    "for_server",
    is_flag=True,
    help="The request is the server's. Without it, one that asks for that is refused: who has such "
    "a certificate can pass for the server at all sites.",
)
@_AUTHORITY
@_OUTPUT
@_days(90)
@_FORCE
@common_options
@pass_settings
def sign(
    settings: Settings,
    *,
    path: Path,
    for_server: bool,
    authority_place: Path,
    output: Path,
    days: int,
    force: bool,
) -> None:
    """Sign the request in the file REQUEST, as the authority: a site's becomes NAME.pem.

    Look at it before (hkg certificate show REQUEST): is it from whom it says, and is the key's
    fingerprint the one that they see? Of the request only names, purpose and key are taken.
    """
    _need_cryptography(settings)
    from hereditary_kg.embeddings.grids.certificate_requests import CertificateRequest

    asked = CertificateRequest.read(path)
    if asked.for_server != for_server:
        what = "a server's" if asked.for_server else "a site's"
        hint = (
            "If it comes from those who run the server, say --server."
            if asked.for_server
            else "Leave --server out, or have it made with --host."
        )
        raise CommandError(f"{path}: {what} certificate is asked for, for {asked.name}", hint)
    name = path.stem if for_server else asked.name
    signer = _read_authority(authority_place)
    _sign(settings, signer, asked, output / f"{name}.pem", days=days, force=force)
    whom = "the server" if for_server else "all sides, in the directory peers"
    tell(settings, f"Next: give {output / name}.pem to {whom}.")


@certificate.command()
@_NAME
@_HOSTS
@_AUTHORITY
@_OUTPUT
@_days(90)
@_FORCE
@common_options
@pass_settings
def issue(
    settings: Settings,
    *,
    name: str,
    hosts: tuple[str, ...],
    authority_place: Path,
    output: Path,
    days: int,
    force: bool,
) -> None:
    """Make a private key and its certificate at once, as the authority: NAME.key and NAME.pem.

    For trials on one machine. Otherwise the key would travel: see `hkg certificate request`.
    """
    _need_cryptography(settings)
    from hereditary_kg.embeddings.grids.key_files import create_key, key_as_pem, write_private

    key = create_key()
    asked = _describe(key, name, hosts)
    _check_free(output, (f"{name}.key", f"{name}.pem"), force=force)
    signer = _read_authority(authority_place)
    write_private(output / f"{name}.key", key_as_pem(key), replace=force)
    _sign(settings, signer, asked, output / f"{name}.pem", days=days, force=force)


@certificate.command()
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE..."
)
@click.option(
    "-O",
    "--output-format",
    type=click.Choice(("table", "json", "toml"), case_sensitive=False),
    default="table",
    show_default=True,
    metavar="FORMAT",
    help="table, json or toml: the lines by which a server's list knows sites.",
)
@common_options
@pass_settings
def show(settings: Settings, *, paths: tuple[Path, ...], output_format: str) -> None:
    """Show certificates and requests: whose, for what, how long, and their fingerprints.

    The exit code is 3 where one has expired or will soon.
    """
    _need_cryptography(settings)
    from hereditary_kg.cli.certificate_display import describe_file, print_files

    described = [describe_file(path) for path in paths]
    print_files(described, output_format)
    for each in described:
        if each.warning:
            tell(settings, f"{each.path}: {each.warning}")
    if any(each.warning for each in described):
        raise Exit(INCOMPLETE)


def _need_cryptography(settings: Settings) -> None:
    settings.start_logging()
    try:
        import cryptography  # noqa: F401
    except ModuleNotFoundError as error:
        raise CommandError(
            "certificates need cryptography",
            "Install the extra: pip install 'hereditary-kg[learn]'.",
            WRONG_INPUT,
        ) from error


def _describe(
    key: "ec.EllipticCurvePrivateKey", name: str, hosts: tuple[str, ...]
) -> "CertificateRequest":
    from hereditary_kg.embeddings.grids.certificate_requests import (
        CertificateRequest,
        check_host,
        check_name,
    )

    check_name(name)
    if name == "authority":
        raise CommandError("authority is the authority's own name", "Choose another.")
    found = tuple(check_host(host) for host in hosts)
    names = found or (name,)
    return CertificateRequest.create(key, names[0], names, for_server=bool(found))


def _check_free(directory: Path, names: tuple[str, ...], *, force: bool) -> None:
    """See whether files are there, before the first of them is written.

    Raises:
        CommandError: one is, and is not to be replaced.
    """
    found = [str(directory / name) for name in names if (directory / name).exists()]
    if found and not force:
        raise CommandError(
            f"{' and '.join(found)}: there already, and maybe in use",
            "Choose another directory (-o), or replace what is there (--force).",
        )


def _read_authority(directory: Path) -> "Authority":
    from hereditary_kg.embeddings.grids.certificates import Authority

    if not (directory / "authority.key").exists():
        raise CommandError(
            f"{directory}: there is no authority.key",
            "Say where it is (--authority DIR), or make an authority: hkg certificate authority "
            "NAME.",
        )
    return Authority.read(directory)


def _sign(
    settings: Settings,
    signer: "Authority",
    asked: "CertificateRequest",
    path: Path,
    *,
    days: int,
    force: bool,
) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    from hereditary_kg.cli.certificate_display import describe_file, print_files
    from hereditary_kg.embeddings.grids.key_files import write_public

    write_public(path, signer.sign(asked, days).public_bytes(Encoding.PEM), replace=force)
    tell(settings, f"Wrote {path}.")
    described = describe_file(path)
    print_files([described], "table")
    if described.days_left is not None and described.days_left < days - 1:
        tell(
            settings,
            f"The authority is valid no longer than {described.until}, so neither is {path}.",
        )
