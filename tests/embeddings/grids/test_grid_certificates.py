import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_ssh_private_key, load_ssh_public_key

from hereditary_kg.embeddings.grids.certificates import (
    Authority,
    Identity,
    check_certificate,
    fingerprint,
    names_of,
    read_certificate,
    verify_signature,
)
from hereditary_kg.embeddings.grids.errors import CertificateError


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority.create("A trial's authority")
    made.write(tmp_path)
    return made


def read(place: Path, name: str = "clinic") -> Identity:
    return Identity.read(place / f"{name}.pem", place / f"{name}.key", place / "authority.pem")


def test_what_is_written_is_read(authority: Authority, tmp_path: Path) -> None:
    made = authority.issue_site("clinic")
    authority.write_identity(made, tmp_path, "clinic")
    found = read(tmp_path)
    assert found.certificate == made.certificate
    assert found.key_pem == made.key_pem
    assert names_of(found.certificate) == {"clinic"}


def test_private_keys_are_for_their_owner_alone(authority: Authority, tmp_path: Path) -> None:
    identity = authority.issue_site("clinic")
    authority.write_identity(identity, tmp_path, "clinic")
    identity.write_openssh(tmp_path / "node")
    for name in ("authority.key", "clinic.key", "node"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert "key" not in repr(identity)


def test_a_key_that_others_may_read_is_refused(authority: Authority, tmp_path: Path) -> None:
    authority.write_identity(authority.issue_site("clinic"), tmp_path, "clinic")
    (tmp_path / "clinic.key").chmod(0o640)
    with pytest.raises(CertificateError, match="Run: chmod 600"):
        read(tmp_path)


def test_a_key_of_another_certificate_is_refused(authority: Authority, tmp_path: Path) -> None:
    authority.write_identity(authority.issue_site("clinic"), tmp_path, "clinic")
    authority.write_identity(authority.issue_site("registry"), tmp_path, "registry")
    with pytest.raises(CertificateError, match="does not belong to the certificate"):
        Identity.read(
            tmp_path / "clinic.pem", tmp_path / "registry.key", tmp_path / "authority.pem"
        )


def test_an_expired_certificate_is_refused(authority: Authority, tmp_path: Path) -> None:
    authority.write_identity(authority.issue_site("clinic", days=-2), tmp_path, "clinic")
    with pytest.raises(CertificateError, match=r"clinic.pem: the certificate expired on 20"):
        read(tmp_path)


def test_a_certificate_of_another_authority_is_refused(
    authority: Authority, tmp_path: Path
) -> None:
    other = Authority.create("A trial's authority")
    authority.write_identity(other.issue_site("clinic"), tmp_path, "clinic")
    with pytest.raises(CertificateError, match="is not signed by the authority"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("clinic.pem", "no certificate", "no certificate in PEM"),
        ("clinic.key", "no key", "no private key in PEM"),
        ("authority.pem", None, "cannot be read: No such file"),
        ("clinic.key", None, "cannot be read: No such file"),
    ],
)
def test_files_that_are_something_else_are_named(
    authority: Authority, tmp_path: Path, name: str, text: str | None, reason: str
) -> None:
    authority.write_identity(authority.issue_site("clinic"), tmp_path, "clinic")
    path = tmp_path / name
    path.unlink()
    if text is not None:
        path.touch(mode=0o600)
        path.write_text(text)
    with pytest.raises(CertificateError, match=f"{name}: .*{reason}"):
        read(tmp_path)


def test_a_site_cannot_stand_for_a_server(authority: Authority) -> None:
    server = authority.issue_server(["localhost", "127.0.0.1"]).certificate
    check_certificate(server, authority.certificate, "it", of_server=True)
    assert names_of(server) == {"localhost", "127.0.0.1"}
    with pytest.raises(CertificateError, match="not for server authentication"):
        check_certificate(
            authority.issue_site("clinic").certificate,
            authority.certificate,
            "it",
            of_server=True,
        )


def test_signatures_are_of_one_key_and_one_text(authority: Authority) -> None:
    one, other = authority.issue_site("one"), authority.issue_site("other")
    signature = one.sign(b"text")
    assert verify_signature(one.certificate, signature, b"text")
    assert not verify_signature(one.certificate, signature, b"texts")
    assert not verify_signature(other.certificate, signature, b"text")


def test_a_fingerprint_is_that_of_openssl(authority: Authority, tmp_path: Path) -> None:
    made = authority.issue_site("clinic")
    authority.write_identity(made, tmp_path, "clinic")
    path = tmp_path / "clinic.pem"
    try:
        told = subprocess.run(
            [
                "openssl",
                "x509",
                "-in",
                tmp_path / "clinic.pem",
                "-noout",
                "-fingerprint",
                "-sha256",
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    assert fingerprint(read_certificate(path)) == "sha256:" + (
        told.strip().partition("=")[2].replace(":", "").lower()
    )


def test_the_key_is_the_same_in_the_format_of_openssh(authority: Authority, tmp_path: Path) -> None:
    identity = authority.issue_site("clinic")
    public = identity.write_openssh(tmp_path / "node")
    private = load_ssh_private_key((tmp_path / "node").read_bytes(), None)
    assert private.public_key() == identity.key.public_key()
    assert load_ssh_public_key(public.read_bytes()) == identity.key.public_key()
