"""What a server keeps of a run on its disk, so that it can be killed at any moment.

One safetensors file, written beside and renamed: what sites have agreed on after the last round,
and what they reported. It holds sums alone, as they were opened.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from hereditary_kg.embeddings.checkpoint_files import replace_checkpoint
from hereditary_kg.embeddings.round_summaries import (
    RoundSummary,
    read_summary,
    write_summary,
)

if TYPE_CHECKING:
    from hereditary_kg.embeddings.strategies import Kind

__all__ = ["KeptRun", "ServerCheckpoint"]

_NOTES, _ROUNDS = "notes", "rounds"


@dataclass(frozen=True, eq=False)
class KeptRun:
    """A run up to its last round.

    Attributes:
        offsets: what sites have agreed on: see `hereditary_kg.embeddings.agreement.Agreement`.
        rows: which rows of each kind the last round exchanged.
        summaries: what is known of the rounds.
    """

    offsets: Mapping[str, NDArray[np.floating[Any]]]
    rows: "Mapping[Kind, NDArray[np.int64]]"
    summaries: Sequence[RoundSummary]


class ServerCheckpoint:
    """The checkpoint of a server's run.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def save(self, run: KeptRun, notes: Mapping[str, str]) -> None:
        """Keep a run, in the place of what was kept before.

        Args:
            run: the run.
            notes: what must be the same where it is taken up again.

        Raises:
            TrainingError: it cannot be written.
        """
        tensors: dict[str, NDArray[np.generic]] = {
            f"offsets/{name}": values for name, values in run.offsets.items()
        }
        tensors |= {f"rows/{kind}": values for kind, values in run.rows.items()}
        told = [write_summary(each) for each in run.summaries]
        header = {_NOTES: json.dumps(dict(notes), sort_keys=True), _ROUNDS: json.dumps(told)}
        whole = {name: np.ascontiguousarray(values) for name, values in tensors.items()}

        def write(beside: Path) -> None:
            beside.parent.mkdir(parents=True, exist_ok=True)
            save_file(whole, beside, header)

        replace_checkpoint(self.path, write)

    def load(self, notes: Mapping[str, str]) -> KeptRun | None:
        """Take a run up again.

        Returns:
            the run; None where none is kept, or one with other notes.
        """
        try:
            with safe_open(self.path, framework="np") as opened:
                header = opened.metadata() or {}
                if header.get(_NOTES) != json.dumps(dict(notes), sort_keys=True):
                    return None
                tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            summaries = [read_summary(each) for each in json.loads(header[_ROUNDS])]
        except (OSError, SafetensorError, KeyError, TypeError, ValueError):
            return None
        parts: dict[str, dict[str, NDArray[np.generic]]] = {"offsets": {}, "rows": {}}
        for name, values in tensors.items():
            kind, _, rest = name.partition("/")
            parts[kind][rest] = values
        return KeptRun(parts["offsets"], parts["rows"], summaries)  # type: ignore[arg-type]

    def remove(self) -> None:
        """Forget the run: it has ended."""
        self.path.unlink(missing_ok=True)
