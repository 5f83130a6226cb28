"""Differential privacy: what a model may tell of one triple, or of one person, at most."""

from hereditary_kg.embeddings.privacy.accounting import (
    PrivacyAccountant,
    PrivacyBudget,
    SampledGaussian,
    calibrate_noise,
)
from hereditary_kg.embeddings.privacy.clipped_gradients import ClippedGradients, clipped_gradients
from hereditary_kg.embeddings.privacy.ledger import LedgerEntry, PrivacyLedger
from hereditary_kg.embeddings.privacy.private_training import PrivateTraining
from hereditary_kg.embeddings.privacy.units import PrivacyUnits, person_units, triple_units

__all__ = [
    "ClippedGradients",
    "LedgerEntry",
    "PrivacyAccountant",
    "PrivacyBudget",
    "PrivacyLedger",
    "PrivacyUnits",
    "PrivateTraining",
    "SampledGaussian",
    "calibrate_noise",
    "clipped_gradients",
    "person_units",
    "triple_units",
]
