"""The card of a site's model: what it is, what it was trained on, and what it is not for.

Its parts are those of Mitchell et al. 2019, *Model cards for model reporting*. It names the
relations and counts the entities; nothing local is named in it.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from hereditary_kg.embeddings.prediction import read_calibration, read_namespaces
from hereditary_kg.embeddings.saved_models import SavedModel

__all__ = ["CARD", "write_model_card"]

CARD = "MODEL_CARD.md"
"""What the file is called, in the model's directory."""

_METRICS = (
    ("mean_reciprocal_rank", "MRR"),
    ("hits_at_1", "Hits@1"),
    ("hits_at_3", "Hits@3"),
    ("hits_at_10", "Hits@10"),
    ("adjusted_mean_rank_index", "adjusted mean rank index"),
)


def write_model_card(saved: SavedModel) -> str:
    """Write the card of a model as Markdown.

    Raises:
        ModelError: what is told of the model cannot be read.
    """
    about = saved.about
    site, run = str(about.get("site", "a site")), str(about.get("run", "a run"))
    parts = (
        _describe_model(saved, site, run),
        _describe_use(),
        _describe_data(saved),
        _describe_training(about),
        _describe_metrics(saved),
        _describe_privacy(about),
        _describe_limits(saved),
    )
    return "\n".join(line for part in parts for line in (*part, "")).rstrip() + "\n"


def _describe_model(saved: SavedModel, site: str, run: str) -> Iterable[str]:
    model = saved.model
    kept = _table(saved.about, "result").get("kept")
    yield f"# Model of {site}, run {run}"
    yield ""
    yield (
        f"Knowledge-graph embeddings for link prediction: {model.scoring.name}, "
        f"{model.dimension} real numbers a vector"
        + (", heads scored by inverse relations." if model.reciprocal else ".")
    )
    if kept == "federated":
        yield "The vectors were trained together with other sites."
    elif kept == "alone":
        yield (
            "The vectors were trained at this site alone: on its validation triples they were "
            "better than those trained with the others."
        )


def _describe_use() -> Iterable[str]:
    yield "## Intended use"
    yield ""
    yield (
        "To propose links between terms, such as of a gene and a disease, for people to look "
        "into: `hkg predict`. A predicted link is a hypothesis. It is no finding, no diagnosis and "
        "no basis for treating anybody, and it must not be used to infer anything about a person."
    )


def _describe_data(saved: SavedModel) -> Iterable[str]:
    known = saved.known
    namespaces = read_namespaces(saved.about)
    ends, kinds = namespaces.mark_public(known.entities), namespaces.mark_public(known.relations)
    public = int(ends.sum())
    yield "## Data"
    yield ""
    yield (
        f"{len(known):,} known triples of {len(known.entities):,} entities "
        f"({public:,} in shared namespaces, {len(ends) - public:,} local to the site) and "
        f"{len(known.relations):,} relations."
    )
    split = _table(saved.about, "split")
    if split:
        yield "Split: " + ", ".join(f"{count:,} {name}" for name, count in split.items()) + "."
    yield ""
    yield "| relation | triples |"
    yield "|---|---:|"
    counts = np.bincount(known.triples[:, 1], minlength=len(known.relations))
    for number in np.argsort(-counts, kind="stable").tolist():
        if kinds[number]:
            yield f"| {_cell(known.relations[number])} | {counts[number]:,} |"
    if not kinds.all():
        yield f"| {int((~kinds).sum()):,} local relations | {int(counts[~kinds].sum()):,} |"


def _describe_training(about: Mapping[str, object]) -> Iterable[str]:
    yield "## Training"
    yield ""
    sites = about.get("sites")
    if isinstance(sites, list | tuple) and sites:
        yield f"Sites: {', '.join(map(str, sites))}."
    if partition := about.get("partition"):
        yield str(partition)
    result = _table(about, "result")
    shared = result.get("shared")
    if isinstance(shared, Mapping) and shared:
        told = ", ".join(f"{count:,} {kind}" for kind, count in shared.items())
        yield f"Entities of this site: {told}."
    if result.get("best_round"):
        yield f"The vectors are those after round {result['best_round']}, the best on validation."
    plan = _table(about, "plan")
    if plan:
        yield ""
        yield "| setting | value |"
        yield "|---|---|"
        for name, value in sorted(plan.items()):
            yield f"| {_cell(name)} | {_cell(value)} |"


def _describe_metrics(saved: SavedModel) -> Iterable[str]:
    result = _table(saved.about, "result")
    testing, alone = _table(result, "testing"), _table(result, "alone")
    yield "## Metrics"
    yield ""
    yield (
        "Realistic ranks among all entities of the site, both ends, under the filter of what the "
        f"site knows. MRR on the validation triples: {_number(result.get('validation'))}."
    )
    if testing:
        yield ""
        yield "| on test triples | this model | trained alone |"
        yield "|---|---:|---:|"
        for name, title in _METRICS:
            yield f"| {title} | {_number(testing.get(name))} | {_number(alone.get(name))} |"
    else:
        yield "There are no test triples."
    calibration = read_calibration(saved.about)
    yield ""
    yield (
        "There is no calibration: predicted links have scores and ranks, and no probabilities."
        if calibration is None
        else "Probabilities are calibrated on the validation triples: temperature "
        f"{calibration.temperature:.4g}, bias {calibration.bias:.4g}."
    )


def _describe_privacy(about: Mapping[str, object]) -> Iterable[str]:
    plan, budget = _table(about, "plan"), _table(about, "privacy")
    yield "## Privacy"
    yield ""
    yield (
        "What left the site: changes of the vectors of terms that enough sites hold, and sums over "
        "validation ranks. Local entities have vectors that stayed at the site."
    )
    if plan.get("secure") is True:
        owners = plan.get("minimum_owners") or "three, or two of two"
        yield (
            "Changes were sent under secure aggregation: only sums over sites opened. Sites that "
            f"contribute to a row at least: {owners}."
        )
    else:
        yield "Changes were sent **without** secure aggregation: the server saw each site's."
    if budget:
        told = ", ".join(f"{name} {value}" for name, value in sorted(budget.items()))
        yield f"Differential privacy: {told}."
    else:
        yield (
            "There was no differential privacy: vectors may tell what was trained on, to those who "
            "have them. The directory of the model holds the site's known triples and is for the "
            "site alone."
        )


def _describe_limits(saved: SavedModel) -> Iterable[str]:
    count = len(_table(_table(saved.about, "result"), "testing"))
    yield "## Limits"
    yield ""
    yield "- The model ranks entities that this site's own triples have. It knows no others."
    yield "- What is often linked is often predicted: bias in the data is bias in the links."
    yield (
        "- A probability is of being among the held-out triples of a question that has such. For a "
        "question that may have no further answer it is an upper bound."
    )
    yield "- Nearest known links say what is alike to the model, not why a link should be true."
    if not count:
        yield "- Nothing was held out for testing, so nothing is known of the model's quality."


def _table(tables: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = tables.get(name)
    return found if isinstance(found, Mapping) else {}


def _number(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) and math.isfinite(value) else "not measured"


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
