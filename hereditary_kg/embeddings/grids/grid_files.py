"""The settings files of grids: the server's and the site's, and that of runs on Flower.

The server's::

    listen = "0.0.0.0:7443"
    certificate = "server.pem"
    key = "server.key"
    authority = "authority.pem"

    [sites.clinic]
    fingerprint = "sha256:…"

The site's::

    site = "clinic"
    server = "train.example.org:7443"
    certificate = "clinic.pem"
    key = "clinic.key"
    authority = "authority.pem"
    directory = "runs"
    ledger = "outgoing.jsonl"

    [policy.minimum]
    minimum-sites = 3

That of runs on a SuperLink of Flower::

    superlink = "127.0.0.1:8000"
    home = "flower-home"
    certificate = "server.pem"
    key = "server.key"
    authority = "authority.pem"
    superlink-authority = "superlink-authority.pem"  # where it is another
    sites = ["clinic", "registry"]

The first two may have a table ``limits`` (`Limits`). A table ``learning`` of the site's is the
training's (`hereditary_kg.embeddings.site_learning`). Paths are relative to the file.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

from flwr.clientapp import ClientApp

from hereditary_kg.embeddings.grids.allow_list import AllowList
from hereditary_kg.embeddings.grids.certificates import Identity
from hereditary_kg.embeddings.grids.errors import SettingsError
from hereditary_kg.embeddings.grids.flower_deployment import FlowerDeployment
from hereditary_kg.embeddings.grids.grpc_grid import GrpcGrid
from hereditary_kg.embeddings.grids.ledger import OutgoingLedger
from hereditary_kg.embeddings.grids.limits import Limits
from hereditary_kg.embeddings.grids.manifest import SignedManifest
from hereditary_kg.embeddings.grids.node import SiteApp
from hereditary_kg.embeddings.grids.policy import LearningPolicy
from hereditary_kg.embeddings.grids.run_settings import SettingValue
from hereditary_kg.embeddings.grids.site_worker import SiteWorker

__all__ = ["FlowerFile", "ServerFile", "SiteFile"]

_IDENTITY = ("certificate", "key", "authority")


@dataclass(frozen=True)
class ServerFile:
    """A server's settings.

    Attributes:
        listen: where it listens, as ``host:port``.
        identity: its certificate, key and authority.
        allow_list: which certificate stands for which site.
        limits: sizes and times.
    """

    listen: str
    identity: Identity
    allow_list: AllowList
    limits: Limits

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file.

        Raises:
            CertificateError: a certificate or key cannot be used.
            SettingsError: the file cannot be read or does not say what is needed.
        """
        table = _read(path, required=("listen", *_IDENTITY), tables=("sites", "limits"))
        return cls(
            table["listen"],
            _read_identity(path, table),
            AllowList.from_table(table.get("sites", {}), str(path)),
            _read_limits(path, table.get("limits", {})),
        )

    def open_grid(self, manifest: SignedManifest) -> GrpcGrid:
        """Open the grid of a run.

        Raises:
            UnreachableError: the address cannot be listened at.
        """
        return GrpcGrid(self.listen, self.identity, self.allow_list, manifest, self.limits)


@dataclass(frozen=True)
class SiteFile:
    """A site's settings.

    Attributes:
        site: the site's name, as the server's list has it.
        server: the server's ``host:port``.
        identity: the site's certificate, key and authority.
        directory: where the site keeps what it has done.
        ledger: the file of what leaves the site.
        policy: what the site demands of a run.
        limits: sizes and times.
    """

    site: str
    server: str
    identity: Identity
    directory: Path
    ledger: Path
    policy: LearningPolicy
    limits: Limits

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file.

        Raises:
            CertificateError: a certificate or key cannot be used.
            SettingsError: the file cannot be read or does not say what is needed.
        """
        table = _read(
            path,
            required=("site", "server", "directory", "ledger", *_IDENTITY),
            tables=("policy", "limits", "learning"),
        )
        return cls(
            table["site"],
            table["server"],
            _read_identity(path, table),
            path.parent / table["directory"],
            path.parent / table["ledger"],
            LearningPolicy.from_table(table.get("policy", {}), str(path)),
            _read_limits(path, table.get("limits", {})),
        )

    def make_worker(
        self,
        app: ClientApp,
        settings: Mapping[str, SettingValue] | None = None,
        patience: float | None = None,
    ) -> SiteWorker:
        """Make the site's worker.

        Args:
            app: the client application that is installed at the site.
            settings: what it finds in ``context.node_config``.
            patience: seconds without a server after which the worker gives up; None: never.

        Raises:
            SettingsError: the ledger cannot be written.
        """
        ledger = OutgoingLedger(self.ledger, self.site)
        return SiteWorker(
            self.server,
            self.identity,
            SiteApp(self.site, app, dict(settings or {}), ledger),
            self.policy,
            directory=self.directory,
            limits=self.limits,
            patience=patience,
        )


@dataclass(frozen=True)
class FlowerFile:
    """What is needed to start runs on a SuperLink of Flower.

    Attributes:
        superlink: the SuperLink's ``host:port``.
        home: Flower's directory for these runs, apart from that of other uses of Flower.
        identity: the server's certificate and the key that signs the manifests of runs.
        superlink_authority: the PEM file of the authority that signed the SuperLink's certificate.
        sites: the names under which the sites' SuperNodes are registered.
    """

    superlink: str
    home: Path
    identity: Identity
    superlink_authority: Path
    sites: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file.

        Raises:
            CertificateError: a certificate or key cannot be used.
            SettingsError: the file cannot be read or does not say what is needed.
        """
        table = _read(
            path,
            required=("superlink", "home", *_IDENTITY),
            tables=(),
            optional=("superlink-authority", "sites"),
        )
        sites = table.get("sites")
        if not isinstance(sites, list) or not sites or not all(type(one) is str for one in sites):
            raise SettingsError(
                f"{path}: sites lists the sites that may take part. Add the line "
                'sites = ["NAME", …], with the names of their SuperNodes.'
            )
        return cls(
            table["superlink"],
            (path.parent / table["home"]).absolute(),
            _read_identity(path, table),
            (path.parent / str(table.get("superlink-authority", table["authority"]))).absolute(),
            tuple(sites),
        )

    def deployment(self) -> FlowerDeployment:
        """Give the SuperLink and how to reach it."""
        return FlowerDeployment(self.superlink, self.superlink_authority, self.home)


def _read(
    path: Path,
    *,
    required: tuple[str, ...],
    tables: tuple[str, ...],
    optional: tuple[str, ...] = (),
) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: the file cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise SettingsError(f"{path}: this is no TOML: {error}.") from error
    for key, value in table.items():
        if key not in (*required, *tables, *optional):
            raise SettingsError(f"{path}: {_unknown(key, (*required, *tables, *optional))}")
        if isinstance(value, Mapping) != (key in tables):
            raise SettingsError(f"{path}: {key} is {'a table' if key in tables else 'a text'}.")
    for key in required:
        if not isinstance(table.get(key), str) or not table[key]:
            raise SettingsError(f'{path}: {key} is not said. Add the line {key} = "…".')
    return table


def _read_identity(path: Path, table: Mapping[str, Any]) -> Identity:
    certificate, key, authority = (path.parent / table[name] for name in _IDENTITY)
    return Identity.read(certificate, key, authority)


def _read_limits(path: Path, table: Mapping[str, Any]) -> Limits:
    kinds = {field.name.replace("_", "-"): field for field in fields(Limits)}
    given: dict[str, Any] = {}
    for key, value in table.items():
        if key not in kinds:
            raise SettingsError(f"{path}: limits: {_unknown(key, tuple(kinds))}")
        if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
            raise SettingsError(f"{path}: limits: {key} is a number above 0, not {value!r}.")
        given[kinds[key].name] = value if key != "message-bytes" else int(value)
    return Limits(**given)


def _unknown(key: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(key, known, n=1)
    meant = f" Is {near[0]} meant?" if near else ""
    return f"there is no setting {key}. There are {', '.join(known)}.{meant}"
