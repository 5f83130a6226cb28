"""Models whose right answers are known without training."""

import math

import torch

from hereditary_kg.embeddings.models import EmbeddingModel
from hereditary_kg.embeddings.saved_models import SavedModel
from hereditary_kg.embeddings.triples import TripleSet

ABOUT = {
    "run": "ring",
    "site": "clinic",
    "plan": {"seed": 0, "secure": True},
    "namespaces": {"shared": ["term:", "relation:"], "local": []},
    "calibration": {"temperature": 0.05, "bias": -0.1},
}
SIZE = 12


def ring_model(unknown=((3, 4), (7, 8)), people=2, **about):
    """Make a model of a ring, ``next``, of which some links are not known, and of people in it.

    RotatE with the terms on a circle and ``next`` as the turn by one: the right link's score is 0,
    and every other one is below.
    """
    triples = [
        (f"term:{i}", "relation:next", f"term:{(i + 1) % SIZE}")
        for i in range(SIZE)
        if (i, (i + 1) % SIZE) not in unknown
    ]
    triples += [(f"person:{i}", "relation:has", f"term:{i + 3}") for i in range(people)]
    triples += [(f"person:{i}", "relation:has", f"term:{i + 4}") for i in range(people)]
    triples += [("term:3", "relation:near", "term:11"), ("term:4", "relation:near", "term:11")]
    known = TripleSet.from_labels(triples)
    angles = [
        2 * math.pi * int(label.partition(":")[2]) / SIZE if label.startswith("term:") else 0.3
        for label in known.entities
    ]
    entities = torch.tensor([[math.cos(a), math.sin(a)] for a in angles])
    turns = {"relation:next": 2 * math.pi / SIZE, "relation:has": 0.0, "relation:near": 1.0}
    relations = torch.tensor(
        [[math.cos(turns[r]), math.sin(turns[r])] for r in known.relations], dtype=torch.float32
    )
    model = EmbeddingModel("RotatE", entities, relations)
    return SavedModel(model, known, {**ABOUT, **about})
