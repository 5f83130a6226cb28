"""What a site keeps on its disk of a run, so that it can be killed at any moment.

A checkpoint is one safetensors file, written beside and renamed, so that it is whole or not there.
The last two are kept: the server may ask for the last round again.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from hereditary_kg.embeddings.checkpoint_files import replace_checkpoint
from hereditary_kg.embeddings.errors import TrainingError

__all__ = ["SiteCheckpoints"]

_KEPT = 2


class SiteCheckpoints:
    """The checkpoints of a site's run.

    Args:
        directory: where they are kept; made if it is not there.

    Raises:
        TrainingError: it cannot be made.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise TrainingError(
                f"{directory}: checkpoints cannot be kept there: {error.strerror}"
            ) from error

    def save(
        self, round_number: int, tensors: Mapping[str, Tensor], notes: Mapping[str, str]
    ) -> None:
        """Keep a checkpoint.

        Args:
            round_number: the round after which it is.
            tensors: by name.
            notes: what must be the same where it is taken up again.

        Raises:
            TrainingError: it cannot be written.
        """
        whole = {name: values.detach().cpu().contiguous() for name, values in tensors.items()}
        replace_checkpoint(
            self._path(round_number),
            lambda beside: save_file(whole, beside, metadata=dict(notes)),
        )
        self._forget(self._rounds()[:-_KEPT])

    def load(self, round_number: int, notes: Mapping[str, str]) -> dict[str, Tensor] | None:
        """Take a checkpoint up again.

        Args:
            round_number: the round after which it is.
            notes: what must be the same as when it was kept.

        Returns:
            its tensors; None where there is none of this round and these notes.
        """
        path = self._path(round_number)
        try:
            with safe_open(path, framework="pt") as opened:
                if opened.metadata() != dict(notes):
                    return None
                return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        except (OSError, SafetensorError):
            return None

    def load_latest(
        self, round_number: int, notes: Mapping[str, str]
    ) -> tuple[int, dict[str, Tensor]] | None:
        """Take the last checkpoint up again that is not of a later round.

        Args:
            round_number: the last round that it may be of.
            notes: what must be the same as when it was kept.

        Returns:
            its round and its tensors; None where there is none of these notes.
        """
        for number in reversed(self._rounds()):
            if number > round_number:
                continue
            tensors = self.load(number, notes)
            if tensors is not None:
                return number, tensors
        return None

    def clear(self) -> None:
        """Forget all checkpoints: a run begins."""
        self._forget(self._rounds())

    def _forget(self, rounds: Iterable[int]) -> None:
        for number in rounds:
            self._path(number).unlink(missing_ok=True)

    def _path(self, round_number: int) -> Path:
        return self.directory / f"round-{round_number:06}.safetensors"

    def _rounds(self) -> list[int]:
        return sorted(
            int(path.stem.removeprefix("round-"))
            for path in self.directory.glob("round-??????.safetensors")
        )
