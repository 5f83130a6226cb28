"""The ledger of a site: what each round of training has spent, written before it is spent."""

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from hereditary_kg.embeddings.errors import PrivacyBudgetError, PrivacyError
from hereditary_kg.embeddings.privacy.accounting import (
    PrivacyAccountant,
    PrivacyBudget,
    SampledGaussian,
)

__all__ = ["LedgerEntry", "PrivacyLedger"]


@dataclass(frozen=True)
class LedgerEntry:
    """One line of the ledger.

    Attributes:
        round: the round's number.
        unit: what a unit is.
        steps: how many steps the round took.
        sampling_rate: of each step.
        noise_multiplier: of each step, in clipping norms.
        epsilon: what is spent in all, this round included.
        delta: at which that holds.
    """

    round: int
    unit: str
    steps: int
    sampling_rate: float
    noise_multiplier: float
    epsilon: float
    delta: float


class PrivacyLedger:
    """Keeps count of what is spent, and stops before more is spent than was granted.

    A round is written and on the disk before its first step, so that a run that was killed has
    never spent more than its ledger says.

    Args:
        path: the file of JSON lines; what stands in it counts.
        unit: what a unit is, such as ``triple`` or ``person``.
        budget: what may be spent.

    Raises:
        PrivacyError: the file cannot be read, or is of another unit or delta.
    """

    def __init__(self, path: Path, unit: str, budget: PrivacyBudget) -> None:
        self.path = path
        self.unit = unit
        self.budget = budget
        self.entries: list[LedgerEntry] = []
        self._accountant = PrivacyAccountant()
        for entry in _read_entries(path):
            if entry.unit != unit or entry.delta != budget.delta:
                raise PrivacyError(
                    f"{path} counts privacy of a {entry.unit} at delta {entry.delta:g}, and this "
                    f"training that of a {unit} at {budget.delta:g}. What was trained on the same "
                    "data before counts: keep to the unit and delta, or begin another model "
                    "without its vectors, with a ledger of its own."
                )
            self._accountant.spend(
                SampledGaussian(entry.sampling_rate, entry.noise_multiplier), entry.steps
            )
            self.entries.append(entry)

    @property
    def epsilon(self) -> float:
        """What is spent so far, at the budget's delta."""
        return self.entries[-1].epsilon if self.entries else 0.0

    def spend(self, round_number: int, mechanism: SampledGaussian, steps: int) -> LedgerEntry:
        """Write down what a round is about to spend.

        Args:
            round_number: the round's number.
            mechanism: what a step is.
            steps: how many.

        Raises:
            PrivacyBudgetError: the budget has no room for it; nothing was written.
        """
        budget = self.budget
        epsilon = self._accountant.epsilon(budget.delta, {mechanism: steps})
        if epsilon > budget.epsilon:
            raise PrivacyBudgetError(
                f"Round {round_number} would bring epsilon to {epsilon:.3f} for a {self.unit}, at "
                f"delta {budget.delta:g}, and {budget.epsilon:g} is granted. Training stops with "
                f"{self.epsilon:.3f} spent: use the model as it is, or grant more."
            )
        entry = LedgerEntry(
            round_number,
            self.unit,
            steps,
            float(mechanism.sampling_rate),
            float(mechanism.noise_multiplier),
            epsilon,
            float(budget.delta),
        )
        with self.path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(asdict(entry)) + "\n")
            lines.flush()
            os.fsync(lines.fileno())
        self._accountant.spend(mechanism, steps)
        self.entries.append(entry)
        return entry

    def steps_left(self, mechanism: SampledGaussian) -> int:
        """Give how many more steps of a kind the budget has room for."""
        return self._accountant.steps_left(mechanism, self.budget)


def _read_entries(path: Path) -> list[LedgerEntry]:
    if not path.exists():
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PrivacyError(f"{path}: the privacy ledger cannot be read: {error}") from error
    entries = []
    for number, line in enumerate(lines, start=1):
        try:
            entries.append(_read_entry(line))
        except (ValueError, PrivacyError) as error:
            raise PrivacyError(
                f"{path}:{number}: no entry of a privacy ledger: {error} What was spent has to be "
                "known before more is: restore the file."
            ) from error
    return entries


def _read_entry(line: str) -> LedgerEntry:
    found = json.loads(line)
    kinds = {field.name: field.type for field in fields(LedgerEntry)}
    if not isinstance(found, dict) or found.keys() != kinds.keys():
        raise PrivacyError("Its keys are not those of an entry.")
    if wrong := [name for name, kind in kinds.items() if type(found[name]) is not kind]:
        raise PrivacyError(f"Of another type is: {', '.join(wrong)}.")
    entry = LedgerEntry(**found)
    SampledGaussian(entry.sampling_rate, entry.noise_multiplier)
    if entry.steps < 0 or entry.epsilon < 0:
        raise PrivacyError("Nobody can spend less than nothing.")
    return entry
