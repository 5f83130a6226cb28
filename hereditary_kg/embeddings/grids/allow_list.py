"""Which certificate stands for which site: what is not on the list is refused.

::

    [sites.clinic]
    fingerprint = "sha256:…"          # this certificate and no other

    [sites.registry]
    name = "registry.example.org"     # any certificate of the authority for this DNS name
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from cryptography import x509

from hereditary_kg.embeddings.grids.certificates import fingerprint, names_of
from hereditary_kg.embeddings.grids.errors import RefusedError, SettingsError

__all__ = ["AllowList"]


@dataclass(frozen=True)
class AllowList:
    """The sites that may take part, and how their certificates are known.

    Attributes:
        fingerprints: sites by the fingerprints of their certificates.
        names: sites by a DNS name in their certificates.
    """

    fingerprints: Mapping[str, str]
    names: Mapping[str, str]

    @classmethod
    def from_table(cls, table: Mapping[str, Any], where: str) -> Self:
        """Read the list from the table ``sites`` of a settings file.

        Args:
            table: a table for each site, with ``fingerprint`` or ``name``.
            where: what an error calls the place.

        Raises:
            SettingsError: a site has neither or both, or shares its certificate with another.
        """
        found: dict[str, dict[str, str]] = {"fingerprint": {}, "name": {}}
        for site, entry in table.items():
            if not isinstance(entry, Mapping) or len(entry) != 1 or not entry.keys() < {*found}:
                raise SettingsError(
                    f"{where}: site {site} is known by a fingerprint or by a name, one of the two: "
                    'fingerprint = "sha256:…".'
                )
            ((key, value),) = entry.items()
            if not isinstance(value, str) or value in found[key]:
                raise SettingsError(
                    f"{where}: the {key} of site {site} is a text that no other site has."
                )
            found[key][value] = site
        return cls(found["fingerprint"], found["name"])

    @property
    def sites(self) -> tuple[str, ...]:
        """The names of the sites, in their order as texts."""
        return tuple(sorted({*self.fingerprints.values(), *self.names.values()}))

    def site_of(self, certificate: x509.Certificate) -> str:
        """Give the site for which a certificate stands; the authority has been checked by TLS.

        Raises:
            RefusedError: it stands for no site on the list, or for more than one.
        """
        mark = fingerprint(certificate)
        named = {self.names[name] for name in names_of(certificate) if name in self.names}
        listed = {self.fingerprints[mark]} if mark in self.fingerprints else named
        if len(listed) == 1:
            return listed.pop()
        names = ", ".join(sorted(names_of(certificate))) or "no name"
        if listed:
            raise RefusedError(
                f"The certificate {mark} (for {names}) stands for several sites: "
                f"{', '.join(sorted(listed))}. Give each site a certificate of its own."
            )
        raise RefusedError(
            f"The certificate {mark} (for {names}) is not on the server's list of sites. Ask those "
            f'who run the server to add it: [sites.NAME] fingerprint = "{mark}".'
        )
