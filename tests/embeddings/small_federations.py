"""Small sites for tests: a graph with a structure to learn, dealt over sites by relation."""

from dataclasses import replace

import numpy as np

from hereditary_kg.embeddings.alignment_keys import AlignmentKey
from hereditary_kg.embeddings.grids.certificates import Authority
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
        # Persons stay in training: a term's links are what is held out.
        heads = [whole.entities[head] for head in whole.triples[:, 0]]
        held_out = [row for row in order.tolist() if heads[row] >= "t"][:6]
        mask = np.zeros(len(whole), dtype=bool)
        mask[held_out[:3]] = True
        testing = np.zeros(len(whole), dtype=bool)
        testing[held_out[3:]] = True
        split = Split(whole.select(~mask & ~testing), whole.select(mask), whole.select(testing))
        sites.append(LearningSite(name, split, Namespaces(("term:", "relation:")), KEY))
    return sites


def make_protections(sites, **policy):
    """Make a certificate for each site, and the list of all."""
    authority = Authority.create("test")
    identities = {site.name: authority.issue_site(site.name) for site in sites}
    allow_list = AllowList({name: each.certificate for name, each in identities.items()})
    chosen = replace(SitePolicy(fewest_sites=2, fewest_owners=2), **policy)
    return {
        name: SiteProtection(each.key, allow_list, chosen) for name, each in identities.items()
    }, allow_list
