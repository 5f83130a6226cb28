"""Files of a server and some sites as their operators have them: settings, keys and triples."""

from pathlib import Path

from hereditary_kg.embeddings.alignment_keys import AlignmentKey
from hereditary_kg.embeddings.grids.certificates import Authority, Identity, fingerprint
from tests.embeddings.small_federations import make_sites

KEY = AlignmentKey(bytes.fromhex("ab" * 32))

SITE = """
site = "{name}"
server = "{server}"
certificate = "{name}.pem"
key = "{name}.key"
authority = "authority.pem"
directory = "{name}/runs"
ledger = "{name}/outgoing.jsonl"

[limits]
first-pause = 0.1

[learning]
triples = "{name}.tsv"
alignment_key = "alignment.key"
peers = "peers"
output = "{name}/output"
fewest_sites = 2
fewest_owners = 2
"""
_IDENTITY = 'certificate = "server.pem"\nkey = "server.key"\nauthority = "authority.pem"\n'


def write_sites(place: Path, server: str, count: int = 3) -> dict[str, Identity]:
    """Write what the sites, `NAME.toml`, and their server need; give the sites' identities.

    The server's files are ``server.toml`` of the gRPC grid and ``flower.toml``.
    """
    authority = Authority.create("test")
    authority.write(place)
    authority.write_identity(authority.issue_server(["localhost", "127.0.0.1"]), place, "server")
    (place / "peers").mkdir()
    (place / "alignment.key").write_text(KEY.reveal().hex())
    (place / "alignment.key").chmod(0o600)
    identities = {}
    for site in make_sites(count):
        identities[site.name] = authority.issue_site(site.name)
        (place / site.name).mkdir()
        authority.write_identity(identities[site.name], place, site.name)
        pem = (place / f"{site.name}.pem").read_bytes()
        (place / "peers" / f"{site.name}.pem").write_bytes(pem)
        triples = "".join("\t".join(t) + "\n" for t in site.split.whole().labels())
        (place / f"{site.name}.tsv").write_text(triples)
        (place / f"{site.name}.toml").write_text(SITE.format(name=site.name, server=server))
    listed = "".join(
        f'[sites.{name}]\nfingerprint = "{fingerprint(one.certificate)}"\n'
        for name, one in identities.items()
    )
    (place / "server.toml").write_text(f'listen = "{server}"\n{_IDENTITY}{listed}')
    names = ", ".join(f'"{name}"' for name in identities)
    (place / "flower.toml").write_text(
        f'superlink = "{server}"\nhome = "flower-home"\n{_IDENTITY}sites = [{names}]\n'
    )
    return identities


def describe_training(place: Path, text: str, count: int = 3) -> Path:
    """Write a training's description over these sites' triples in one place; give the file."""
    for number in range(count):
        text += f'[[site]]\nname = "site-{number}"\ntriples = "site-{number}.tsv"\n'
    path = place / "here.toml"
    path.write_text(text)
    return path
