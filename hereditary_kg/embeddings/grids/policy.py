"""What a site demands of a run before it takes part, in a file of the site's own.

::

    servers = ["sha256:…"]            # certificates of servers that may ask; none listed: any

    [required]
    "privacy.secure-aggregation" = true

    [minimum]
    minimum-sites = 3

    [maximum]
    rounds = 200
    "privacy.epsilon" = 8.0

    [allowed]
    "training.model" = ["TransE", "RotatE"]

The keys are those of the manifest's settings. A run that does not say what the policy asks for is
refused, as is one that says something else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from hereditary_kg.embeddings.grids.certificates import fingerprint
from hereditary_kg.embeddings.grids.errors import PolicyError, SettingsError
from hereditary_kg.embeddings.grids.manifest import RunManifest, SignedManifest
from hereditary_kg.embeddings.grids.run_settings import SettingValue

__all__ = ["LearningPolicy"]

_TABLES = ("required", "minimum", "maximum", "allowed")


@dataclass(frozen=True)
class LearningPolicy:
    """What a site demands of a run.

    Attributes:
        servers: fingerprints of the server certificates that may ask; empty: any certificate of
            the authority.
        required: settings that must have this value.
        minimum: settings that must be at least so.
        maximum: settings that must be at most so.
        allowed: settings that must have one of these values.
    """

    servers: frozenset[str] = frozenset()
    required: Mapping[str, SettingValue] = field(default_factory=dict)
    minimum: Mapping[str, float] = field(default_factory=dict)
    maximum: Mapping[str, float] = field(default_factory=dict)
    allowed: Mapping[str, tuple[SettingValue, ...]] = field(default_factory=dict)

    @classmethod
    def from_table(cls, table: Mapping[str, Any], where: str) -> Self:
        """Read a policy from a table of a settings file.

        Args:
            table: the table.
            where: what an error calls the place.

        Raises:
            SettingsError: a key is unknown, or a value is not of its type.
        """
        unknown = table.keys() - {"servers", *_TABLES}
        if unknown:
            raise SettingsError(
                f"{where}: a policy has no {', '.join(sorted(unknown))}. It has servers, "
                f"{', '.join(_TABLES)}."
            )
        for name in _TABLES:
            if not isinstance(table.get(name, {}), Mapping):
                raise SettingsError(f"{where}: {name} is a table of settings.")
        for name in ("minimum", "maximum"):
            for key, value in table.get(name, {}).items():
                if not isinstance(value, int | float) or isinstance(value, bool):
                    raise SettingsError(f"{where}: {name} of {key} is a number, not {value!r}.")
        for key, values in table.get("allowed", {}).items():
            if not isinstance(values, list):
                raise SettingsError(f"{where}: allowed for {key} is a list, not {values!r}.")
        servers = table.get("servers", [])
        if not isinstance(servers, list) or not all(
            isinstance(one, str) and one.startswith("sha256:") for one in servers
        ):
            raise SettingsError(f"{where}: servers is a list of fingerprints, 'sha256:…'.")
        return cls(
            frozenset(servers),
            dict(table.get("required", {})),
            dict(table.get("minimum", {})),
            dict(table.get("maximum", {})),
            {key: tuple(values) for key, values in table.get("allowed", {}).items()},
        )

    def check(self, signed: SignedManifest, manifest: RunManifest, site: str) -> None:
        """Check a run whose signature has been checked.

        Raises:
            PolicyError: the run is not admitted; the error names every reason.
        """
        settings = manifest.settings()
        reasons = [
            *self._server_reasons(signed),
            *([] if site in manifest.sites else [f"the run is not for this site ({site})"]),
            *(
                _say(settings, key, f"must be {value!r}")
                for key, value in self.required.items()
                if key not in settings or settings[key] != value
            ),
            *(
                _say(settings, key, f"must be at least {least:g}")
                for key, least in self.minimum.items()
                if not _number(settings.get(key), least, float("inf"))
            ),
            *(
                _say(settings, key, f"must be at most {most:g}")
                for key, most in self.maximum.items()
                if not _number(settings.get(key), float("-inf"), most)
            ),
            *(
                _say(settings, key, f"must be one of {', '.join(map(repr, values))}")
                for key, values in self.allowed.items()
                if settings.get(key) not in values
            ),
        ]
        if reasons:
            raise PolicyError(
                f"The policy of site {site} does not admit run {manifest.run_id} "
                f"({manifest.title}): {'; '.join(reasons)}. Change the run, or the policy."
            )

    def _server_reasons(self, signed: SignedManifest) -> list[str]:
        found = fingerprint(signed.certificate)
        if not self.servers or found in self.servers:
            return []
        return [f"its server has the certificate {found}, which is not among the policy's servers"]


def _number(value: object, least: float, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _say(settings: Mapping[str, SettingValue], key: str, demand: str) -> str:
    found = f"it is {settings[key]!r}" if key in settings else "the run does not say"
    return f"{key} {demand}, but {found}"
