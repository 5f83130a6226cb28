"""From a member's description to the member itself."""

import os
import re
from collections.abc import Mapping

from yarl import URL

from hereditary_kg.federation.description import FederationDescription, MemberDescription
from hereditary_kg.federation.errors import ConnectionSetupError
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.transport import (
    Credentials,
    EmbeddedTransport,
    HttpTransport,
    Transport,
)
from hereditary_kg.sites.errors import SiteError
from hereditary_kg.sites.site import Site

__all__ = ["connect_member", "connect_members", "connect_services"]

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def connect_members(
    federation: FederationDescription, environment: Mapping[str, str] | None = None
) -> tuple[Member, ...]:
    """Connect the members of a federation, in the order of its description.

    Nothing is sent; whether they are up shows with the first request.

    Args:
        federation: the description.
        environment: where secrets and ``${VARIABLE}`` come from; by default the process's.

    Raises:
        ConnectionSetupError: a member cannot be connected as described.
    """
    return tuple(connect_member(member, environment) for member in federation.members)


def connect_services(federation: FederationDescription) -> dict[str, Member]:
    """Give a way to each endpoint that an explicit SERVICE may name, by its IRI.

    They are asked without credentials. In certificates they go by their IRIs.
    """
    return {
        url: Member(
            MemberDescription(name=f"service-{number}", url=url), HttpTransport(url, Credentials())
        )
        for number, url in enumerate(federation.allowed_services, start=1)
    }


def connect_member(
    description: MemberDescription, environment: Mapping[str, str] | None = None
) -> Member:
    """Connect one member; arguments and errors are those of `connect_members`."""
    variables = os.environ if environment is None else environment
    return Member(description, _open_transport(description, variables))


def _open_transport(description: MemberDescription, variables: Mapping[str, str]) -> Transport:
    if description.site is not None:
        try:
            return EmbeddedTransport(Site.open(description.site))
        except SiteError as error:
            raise ConnectionSetupError(description.name, str(error)) from error
    if description.url is None:
        raise ConnectionSetupError(description.name, "has neither url nor site")
    url = _fill_in(description, variables)
    return HttpTransport(url, _read_credentials(description, variables))


def _fill_in(description: MemberDescription, variables: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        return _read_variable(description, match[1], "url", variables)

    described = description.url or ""
    filled = _VARIABLE.sub(value, described)
    try:
        url = URL(filled)
    except ValueError:
        url = URL()
    if url.scheme not in {"http", "https"} or not url.host or url.user or url.password:
        # The filled-in address may hold a secret; only the described one is shown.
        raise ConnectionSetupError(
            description.name,
            f"url {described!r} gives no http or https address without name and password once "
            "its environment variables are filled in",
        )
    return filled


def _read_credentials(description: MemberDescription, variables: Mapping[str, str]) -> Credentials:
    def read(variable: str | None, key: str) -> str | None:
        if variable is None:
            return None
        value = _read_variable(description, variable, key, variables)
        if any(character in value for character in "\r\n\0"):
            raise ConnectionSetupError(
                description.name,
                f"the environment variable {variable} ({key}) holds a line break, which no "
                "secret may; take it out",
            )
        if key == "username_variable" and ":" in value:
            raise ConnectionSetupError(
                description.name,
                f"the environment variable {variable} ({key}) holds a colon, which HTTP Basic "
                "authentication does not allow in a name",
            )
        return value

    return Credentials(
        username=read(description.username_variable, "username_variable"),
        password=read(description.password_variable, "password_variable"),
        token=read(description.token_variable, "token_variable"),
    )


def _read_variable(
    description: MemberDescription, variable: str, key: str, variables: Mapping[str, str]
) -> str:
    value = variables.get(variable)
    if not value:
        state = "empty" if value is not None else "not set"
        raise ConnectionSetupError(
            description.name,
            f"the environment variable {variable}, named by {key}, is {state}; set it before "
            "the federation is opened",
        )
    return value
