from pathlib import Path

import pytest

from hereditary_kg.embeddings.grids.certificates import fingerprint
from hereditary_kg.embeddings.grids.errors import ManifestError, SettingsError
from hereditary_kg.embeddings.grids.grid_files import ServerFile, SiteFile
from hereditary_kg.embeddings.grids.manifest import SignedManifest
from hereditary_kg.embeddings.grids.running import run_server_app
from tests.embeddings.grids import sum_apps
from tests.embeddings.grids.grpc_sites import NUMBERS, Federation, site_threads

SERVER = """
listen = "127.0.0.1:0"
certificate = "server.pem"
key = "server.key"
authority = "authority.pem"

[limits]
message-bytes = 1000000
reconnect = 3

"""
SITE = """
site = "SITE"
server = "127.0.0.1:PORT"
certificate = "SITE.pem"
key = "SITE.key"
authority = "authority.pem"
directory = "runs-SITE"
ledger = "SITE.jsonl"

[policy.minimum]
minimum-sites = 2
"""


@pytest.fixture
def federation(tmp_path: Path) -> Federation:
    made = Federation(tmp_path)
    made.authority.write_identity(made.server, tmp_path, "server")
    listed = "".join(
        f'[sites.{site}]\nfingerprint = "{fingerprint(identity.certificate)}"\n'
        for site, identity in made.identities.items()
    )
    (tmp_path / "server.toml").write_text(SERVER + listed)
    return made


def test_a_run_from_files(federation: Federation, tmp_path: Path) -> None:
    server = ServerFile.read(tmp_path / "server.toml")
    assert (server.limits.message_bytes, server.limits.reconnect) == (1_000_000, 3)
    signed = federation.manifest().sign(server.identity)
    signed.write(tmp_path / "run.json")
    assert SignedManifest.read(tmp_path / "run.json") == signed
    with server.open_grid(signed) as grid:
        workers = []
        for site, number in NUMBERS.items():
            path = tmp_path / f"{site}.toml"
            path.write_text(SITE.replace("SITE", site).replace("PORT", str(grid.port)))
            workers.append(SiteFile.read(path).make_worker(sum_apps.client, {"number": number}))
        settings = {"sites": 3, "rounds": 2, "size": 3, "timeout": 60.0}
        with site_threads(workers, runs=1):
            state = run_server_app(sum_apps.server, grid, settings)
    assert state["report"] == {"missing": [], "counts": [2, 2, 2]}
    assert len((tmp_path / "clinic.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('listen = "127.0.0.1:0"', "", "listen is not said"),
        ('listen = "127.0.0.1:0"', "listen = 7", "listen is not said"),
        ("listen", "lisen", "no setting lisen.* Is listen meant"),
        ("message-bytes", "message-byte", "Is message-bytes meant"),
        ("reconnect = 3", "reconnect = 0", "a number above 0"),
        ("reconnect = 3", 'reconnect = "long"', "a number above 0"),
        ("[limits]", "[limit]", "Is limits meant"),
        ("listen = ", "listen ", "no TOML"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(
    federation: Federation, tmp_path: Path, old: str, new: str, reason: str
) -> None:
    path = tmp_path / "server.toml"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(SettingsError, match=reason):
        ServerFile.read(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"site\.toml: the file cannot be read"):
        SiteFile.read(tmp_path / "site.toml")
    with pytest.raises(ManifestError, match=r"run\.json: the run's manifest cannot be read"):
        SignedManifest.read(tmp_path / "run.json")
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(ManifestError, match="no signed manifest"):
        SignedManifest.read(tmp_path / "run.json")
