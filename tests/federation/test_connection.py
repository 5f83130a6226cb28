"""From descriptions to members."""

import pytest

from hereditary_kg.federation.connection import connect_member, connect_members
from hereditary_kg.federation.description import FederationDescription, MemberDescription
from hereditary_kg.federation.errors import ConnectionSetupError
from hereditary_kg.federation.transport import EmbeddedTransport, HttpTransport
from hereditary_kg.sites.site import Site


def test_members_are_connected_in_order(tmp_path):
    Site.create(tmp_path / "registry", name="registry")
    members = connect_members(
        FederationDescription(
            "demo",
            members=(
                MemberDescription("clinic", url="https://${HOST}/sparql"),
                MemberDescription("registry", site=tmp_path / "registry"),
            ),
        ),
        {"HOST": "clinic.example"},
    )
    assert [member.name for member in members] == ["clinic", "registry"]
    assert isinstance(members[0].transport, HttpTransport)
    assert members[0].transport.url == "https://clinic.example/sparql"
    assert members[0].address == "https://${HOST}/sparql"
    assert isinstance(members[1].transport, EmbeddedTransport)
    assert members[1].address == str(tmp_path / "registry")


def test_the_process_environment_is_the_default(monkeypatch):
    monkeypatch.setenv("CLINIC_URL", "http://127.0.0.1/sparql")
    member = connect_member(MemberDescription("clinic", url="${CLINIC_URL}"))
    assert isinstance(member.transport, HttpTransport)
    assert member.transport.url == "http://127.0.0.1/sparql"


@pytest.mark.parametrize(
    ("described", "environment", "words"),
    [
        ({"url": "http://e/", "token_variable": "TOKEN"}, {}, "TOKEN, named by token_variable"),
        ({"url": "http://e/", "token_variable": "TOKEN"}, {"TOKEN": ""}, "is empty"),
        ({"url": "http://e/", "token_variable": "TOKEN"}, {"TOKEN": "s3c\nret"}, "line break"),
        (
            {"url": "http://e/", "username_variable": "U", "password_variable": "P"},
            {"U": "s3c:ret", "P": "p"},
            "colon",
        ),
        ({"url": "${URL}"}, {}, "URL, named by url, is not set"),
        ({"url": "${URL}"}, {"URL": "s3cret"}, "'${URL}' gives no http"),
        ({"url": "${URL}"}, {"URL": "http://[s3cret"}, "gives no http"),
        ({"url": "http://${URL}"}, {"URL": "ann:s3cret@e"}, "without name and password"),
        ({}, {}, "neither url nor site"),
    ],
)
def test_what_is_missing_is_named_and_no_secret_shown(described, environment, words):
    with pytest.raises(ConnectionSetupError) as caught:
        connect_member(MemberDescription("clinic", **described), environment)
    assert str(caught.value).startswith("member 'clinic': ")
    assert words in str(caught.value)
    for secret in ("s3cret", "s3c"):
        assert secret not in str(caught.value)


def test_a_missing_site_says_how_to_make_one(tmp_path):
    with pytest.raises(ConnectionSetupError, match="hkg site create"):
        connect_member(MemberDescription("clinic", site=tmp_path / "none"))
