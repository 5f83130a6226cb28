"""What a site keeps of a run: its model, calibrated and with a card, and its known links."""

from collections.abc import Mapping
from pathlib import Path

from hereditary_kg.embeddings.calibration import Calibration, fit_calibration, predict_held_out
from hereditary_kg.embeddings.errors import EvaluationError, ModelError
from hereditary_kg.embeddings.known_links import publish_known_links
from hereditary_kg.embeddings.model_card import CARD, write_model_card
from hereditary_kg.embeddings.models import EmbeddingModel
from hereditary_kg.embeddings.saved_models import SavedModel, save_model
from hereditary_kg.embeddings.site_session import LearningSite

__all__ = ["keep_model"]

_QUESTIONS = 500
"""Validation questions a side that a calibration is fitted to: enough for two numbers."""


def keep_model(
    site: LearningSite, model: EmbeddingModel, about: Mapping[str, object], output: Path
) -> SavedModel:
    """Calibrate and write a site's model.

    Written are ``models/SITE`` with the model and its card, and ``known/SITE.links``, which
    alone may be given to other sites: see `known_links`.

    Args:
        site: the site.
        model: its vectors.
        about: how they came about; ``"run"`` is the run that known links are identified for.
        output: the run's directory.

    Raises:
        ModelError: something cannot be written.
        PredictionError: the same for the known links.
    """
    split = site.split
    calibration = _calibrate(site, model)
    told = {
        **about,
        "namespaces": {
            "shared": list(site.namespaces.shared),
            "local": list(site.namespaces.local),
        },
        "split": {
            "training": len(split.training),
            "validation": len(split.validation),
            "testing": len(split.testing),
        },
    }
    if calibration is not None:
        told["calibration"] = {
            "temperature": calibration.temperature,
            "bias": calibration.bias,
        }
    saved = SavedModel(model, split.whole(), told, site.names)
    directory = output / "models" / site.name
    save_model(saved, directory)
    try:
        (directory / CARD).write_text(write_model_card(saved), encoding="utf-8", newline="\n")
    except OSError as error:
        raise ModelError(f"{directory}: the card cannot be written: {error}") from error
    links = publish_known_links(saved.known, site.namespaces, site.key, str(about["run"]))
    links.write(output / "known" / f"{site.name}.links")
    return saved


def _calibrate(site: LearningSite, model: EmbeddingModel) -> Calibration | None:
    """Fit a calibration; none where the validation triples are too few to tell."""
    split = site.split
    if not len(split.validation):
        return None
    filters = (split.training, split.testing)
    try:
        held_out = predict_held_out(model, split.validation, filters, limit=_QUESTIONS)
        return fit_calibration(held_out)
    except EvaluationError:
        return None
