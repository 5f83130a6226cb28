"""``hkg certificate``: as its users call it, and as openssl sees what comes of it."""

import json
import shutil
import stat
import subprocess
import tomllib
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from hereditary_kg.embeddings.grids.allow_list import AllowList
from hereditary_kg.embeddings.grids.certificates import (
    Authority,
    Identity,
    check_certificate,
    names_of,
    read_certificate,
)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Work in a fresh directory, as in the guide."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def signed(run, place):
    """Make an authority, a server's certificate, and those of two sites."""
    _done(run, "authority", "Trial")
    _done(run, "request", "server", "--host", "train.example.org", "--host", "127.0.0.1")
    _done(run, "sign", "server.csr", "--server")
    for site in ("clinic", "registry"):
        _done(run, "request", site)
        _done(run, "sign", f"{site}.csr", "-o", "peers")
    return place


def _done(run, *arguments, code=0):
    shown = run("certificate", *arguments)
    assert shown.code == code, shown.errors
    return shown


def _openssl(*arguments):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_keys_stay_and_fit_to_what_was_signed(signed):
    for name, place in (("server", "."), ("clinic", "peers"), ("registry", "peers")):
        read = Identity.read(Path(place, f"{name}.pem"), Path(f"{name}.key"), Path("authority.pem"))
        check_certificate(read.certificate, read.authority, name, of_server=name == "server")
        assert stat.S_IMODE(Path(f"{name}.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(Path("authority.key").stat().st_mode) == 0o600
    assert names_of(read_certificate(Path("server.pem"))) == {"train.example.org", "127.0.0.1"}
    for public in (*signed.glob("*.csr"), *signed.glob("*.pem"), *signed.glob("peers/*")):
        assert b"PRIVATE" not in public.read_bytes()


def test_openssl_accepts_each_for_its_purpose_alone(signed):
    verify = ("verify", "-x509_strict", "-CAfile", "authority.pem", "-purpose")
    assert _openssl(*verify, "sslserver", "server.pem") == (0, "server.pem: OK\n")
    assert _openssl(*verify, "sslclient", "peers/clinic.pem") == (0, "peers/clinic.pem: OK\n")
    assert _openssl(*verify, "sslclient", "server.pem")[0] != 0
    assert _openssl(*verify, "sslserver", "peers/clinic.pem")[0] != 0
    told = _openssl("x509", "-in", "server.pem", "-noout", "-text")[1]
    for line in ("TLS Web Server Authentication", "DNS:train.example.org, IP Address:127.0.0.1"):
        assert line in told
    assert "CA:FALSE" in told
    code, told = _openssl("req", "-in", "clinic.csr", "-noout", "-verify", "-text")
    assert (code, "self-signature verify OK" in told, "DNS:clinic" in told) == (0, True, True)


def test_what_is_shown_is_what_a_list_of_sites_wants(run, signed):
    shown = _done(run, "show", "peers/clinic.pem", "peers/registry.pem", "-O", "toml")
    sites = AllowList.from_table(tomllib.loads(shown.output)["sites"], "here")
    for name in ("clinic", "registry"):
        assert sites.site_of(read_certificate(Path(f"peers/{name}.pem"))) == name
    shown = _done(run, "show", "server.pem", "-O", "toml", code=2)
    assert "no certificate of a site" in shown.errors


def test_a_request_and_its_certificate_show_the_same_key(run, signed):
    shown = json.loads(_done(run, "show", "clinic.csr", "peers/clinic.pem", "-O", "json").output)
    asked, given = shown
    assert asked["key"] == given["key"]
    assert (asked["requested"], given["requested"]) == (True, False)
    assert given["kind"] == "site"
    assert given["names"] == ["clinic"]
    assert given["signed_by"] == "Trial"
    assert 88 <= given["days_left"] <= 90
    told = _openssl("pkey", "-in", "clinic.key", "-pubout", "-outform", "DER", "-out", "key.der")
    assert told[0] == 0
    mark = _openssl("dgst", "-sha256", "-r", "key.der")[1].split()[0]
    assert asked["key"] == f"sha256:{mark}"
    assert f"sha256:{mark}" in _done(run, "show", "clinic.csr").output


def test_nothing_is_overwritten_unless_it_is_said(run, signed):
    before = {path: path.read_bytes() for path in signed.rglob("*") if path.is_file()}
    for again in (
        ("authority", "Trial"),
        ("request", "clinic"),
        ("sign", "clinic.csr", "-o", "peers"),
        ("issue", "clinic"),
    ):
        shown = _done(run, *again, code=2)
        assert "there already" in shown.errors
        assert "--force" in shown.errors
    assert {path: path.read_bytes() for path in signed.rglob("*") if path.is_file()} == before
    _done(run, "request", "clinic", "--force")
    assert Path("clinic.key").read_bytes() != before[signed / "clinic.key"]
    assert stat.S_IMODE(Path("clinic.key").stat().st_mode) == 0o600
    _done(run, "sign", "clinic.csr", "-o", "peers", "--force")
    Identity.read(Path("peers/clinic.pem"), Path("clinic.key"), Path("authority.pem"))


def test_a_site_does_not_get_a_servers_certificate_unnoticed(run, signed):
    _done(run, "request", "intruder", "--host", "train.example.org")
    shown = _done(run, "sign", "intruder.csr", code=2)
    assert "a server's certificate is asked for, for train.example.org" in shown.errors
    assert "--server" in shown.errors
    assert not Path("intruder.pem").exists()
    assert "a site's" in _done(run, "sign", "clinic.csr", "--server", code=2).errors


def test_of_a_request_only_names_purpose_and_key_are_taken(run, signed):
    key = ec.generate_private_key(ec.SECP256R1())
    asked = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "registry")]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=3), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("lab")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    Path("asked.csr").write_bytes(asked.public_bytes(serialization.Encoding.PEM))
    shown = _done(run, "sign", "asked.csr", "-o", "peers")
    made = read_certificate(Path("peers/lab.pem"))
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert names_of(made) == {"lab"}
    assert "CN=lab" in made.subject.rfc4514_string()
    assert "a site" in shown.output


def _ask(*names, key=None):
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    made = builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    ("request_of", "told"),
    [
        (_ask, "says no name"),
        (lambda: _ask(x509.DNSName("a"), x509.DNSName("b")), "A site has one name"),
        (lambda: _ask(x509.RFC822Name("a@example.org")), "no DNS names or addresses"),
        (lambda: _ask(x509.DNSName("../../authority")), "neither a DNS name"),
        (
            lambda: _ask(x509.DNSName("a"), key=ec.generate_private_key(ec.SECP384R1())),
            "not on the curve P-256",
        ),
        (
            lambda: _ask(x509.DNSName("a"), key=rsa.generate_private_key(65537, 2048)),
            "not on the curve P-256",
        ),
        (lambda: b"-----BEGIN CERTIFICATE-----\n", "no request for a certificate in PEM"),
    ],
    ids=["nameless", "two-names", "mail", "path", "other-curve", "rsa", "no-request"],
)
def test_requests_that_cannot_be_signed_are_told(run, signed, request_of, told):
    Path("asked.csr").write_bytes(request_of())
    before = sorted(signed.rglob("*"))
    shown = _done(run, "sign", "asked.csr", code=2)
    assert told in shown.errors
    assert sorted(signed.rglob("*")) == before


def test_a_request_that_was_changed_on_its_way_is_refused(run, signed):
    found = x509.load_pem_x509_csr(Path("clinic.csr").read_bytes())
    der = found.public_bytes(serialization.Encoding.DER).replace(b"clinic", b"klinic")
    changed = x509.load_der_x509_csr(der).public_bytes(serialization.Encoding.PEM)
    Path("clinic.csr").write_bytes(changed)
    shown = _done(run, "sign", "clinic.csr", code=2)
    assert "not signed with the key that is in it" in shown.errors


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("request", "../clinic"), "cannot be a name"),
        (("request", ".clinic"), "cannot be a name"),
        (("request", "authority"), "the authority's own name"),
        (("request", "x" * 65), "64 characters long at most"),
        (("request", "server", "--host", "train.example.org:7443"), "and no port"),
        (("request", "server", "--host", "https://train.example.org"), "neither a DNS name"),
        (("authority", ""), "0 characters"),
        (("sign", "clinic.csr"), "clinic.csr: the request cannot be read"),
        (("issue", "clinic"), "hkg certificate authority NAME"),
        (("show", "nothing.pem"), "nothing.pem: the certificate cannot be read"),
    ],
)
def test_what_cannot_be_is_told(run, place, arguments, told):
    shown = _done(run, *arguments, code=2)
    assert told in shown.errors
    assert list(place.iterdir()) == []


def test_a_key_that_others_may_read_signs_nothing(run, signed):
    Path("authority.key").chmod(0o644)
    assert "chmod 600" in _done(run, "issue", "lab", code=2).errors
    assert not Path("lab.key").exists()


def test_what_expires_soon_or_has_is_told(run, signed):
    authority = Authority.read(Path())
    for name, days in (("old", -1), ("near", 20), ("far", 60)):
        made = authority.issue_site(name, days)
        if name == "near":
            # Made for 90 days, 70 days ago, as far as anybody can see.
            made = _started_earlier(authority, made)
        authority.write_identity(made, Path(), name)
    assert "has expired" in _done(run, "show", "old.pem", code=3).errors
    assert "expires in 19 days. Renew it" in _done(run, "show", "near.pem", code=3).errors
    assert _done(run, "show", "far.pem").errors == ""


def _started_earlier(authority, identity):
    import datetime

    from cryptography.hazmat.primitives import hashes

    old = identity.certificate
    builder = (
        x509.CertificateBuilder()
        .subject_name(old.subject)
        .issuer_name(old.issuer)
        .public_key(old.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(old.not_valid_before_utc - datetime.timedelta(days=70))
        .not_valid_after(old.not_valid_after_utc)
    )
    for extension in old.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return Identity(builder.sign(authority.key, hashes.SHA256()), identity.key, identity.authority)


def test_no_certificate_outlasts_its_authority(run, place):
    _done(run, "authority", "Short", "--days", "10")
    shown = _done(run, "issue", "clinic")
    assert "valid no longer" in shown.errors
    ends = [
        read_certificate(Path(f"{name}.pem")).not_valid_after_utc
        for name in ("authority", "clinic")
    ]
    assert ends[0] == ends[1]


def test_an_alignment_key_is_made_once_and_for_its_owner_alone(run, place):
    assert run("site", "alignment-key").code == 0
    assert stat.S_IMODE(Path("alignment.key").stat().st_mode) == 0o600
    kept = Path("alignment.key").read_text()
    shown = run("site", "alignment-key")
    assert shown.code == 2
    assert "may be in use" in shown.errors
    assert Path("alignment.key").read_text() == kept
    assert kept.strip() not in shown.errors + shown.output


@pytest.mark.parametrize("command", [("request", "clinic"), ("authority", "Trial")])
def test_a_place_that_cannot_be_written_is_told(run, place, command):
    Path("file").write_text("no directory")
    shown = _done(run, *command, "-o", "file/in", code=2)
    assert "file/in: the directory cannot be made" in shown.errors
