"""Small sites for tests: a graph with a structure to learn, dealt over sites by relation."""

import datetime
from dataclasses import replace

import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from hereditary_kg.embeddings.alignment_keys import AlignmentKey
from hereditary_kg.embeddings.label_kinds import Namespaces
from hereditary_kg.embeddings.secure_aggregation import AllowList, SitePolicy
from hereditary_kg.embeddings.site_session import LearningSite
from hereditary_kg.embeddings.splitting import Split
from hereditary_kg.embeddings.training_client import SiteProtection
from hereditary_kg.embeddings.training_plan import TrainingPlan
from hereditary_kg.embeddings.triples import TripleSet

KEY = AlignmentKey(b"a key of the sites, and no other"[:32])
PLAN = TrainingPlan(
    run="test",
    model="DistMult",
    dimension=8,
    negatives=16,
    batch_size=64,
    rounds=3,
    evaluate_every=1,
    secure=False,
)


def make_sites(count=3, people=2, seed=0):
    """Make sites that share a ring of 24 terms, each with relations and people of its own."""
    drawn = np.random.default_rng(seed)
    sites = []
    for number in range(count):
        name = f"site-{number}"
        triples = [
            (f"term:{i}", f"relation:{number}-{step}", f"term:{(i + step) % 24}")
            for i in range(24)
            for step in (1 + number, 5 + number)
        ]
        triples += [
            (f"{name}:person-{person}", "relation:has", f"term:{drawn.integers(24)}")
            for person in range(people)
            for _ in range(4)
        ]
        whole = TripleSet.from_labels(triples)
        order = drawn.permutation(len(whole))
        held_out = [row for row in order.tolist() if whole.entities[whole.triples[row, 0]] < "t"]
        held_out = [row for row in order.tolist() if row not in held_out][:6]
        mask = np.zeros(len(whole), dtype=bool)
        mask[held_out[:3]] = True
        testing = np.zeros(len(whole), dtype=bool)
        testing[held_out[3:]] = True
        split = Split(whole.select(~mask & ~testing), whole.select(mask), whole.select(testing))
        sites.append(LearningSite(name, split, Namespaces(("term:", "relation:")), KEY))
    return sites


def make_protections(sites, **policy):
    """Make a certificate for each site, and the list of all."""
    keys = {site.name: Ed25519PrivateKey.generate() for site in sites}
    allow_list = AllowList({name: _certify(name, key) for name, key in keys.items()})
    chosen = replace(SitePolicy(fewest_sites=2, fewest_owners=2), **policy)
    return {name: SiteProtection(key, allow_list, chosen) for name, key in keys.items()}, allow_list


def _certify(site, key):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, site)])
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, None)
    )
