"""Where a site is in a run between two messages, on its disk.

For sites each of whose messages has a process of its own. The file is for its owner alone: it holds
the keys of secure aggregation. The vectors are in the site's checkpoints (`site_checkpoints`), of
which the file names one. A message's reply must leave after the file is written: see
`hereditary_kg.embeddings.secure_aggregation.site_state`.
"""

import fcntl
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flwr.app import ConfigRecord

from hereditary_kg.embeddings.alignment import RowMap
from hereditary_kg.embeddings.errors import TrainingError
from hereditary_kg.embeddings.grids.errors import CodingError
from hereditary_kg.embeddings.grids.message_coding import decode_records, encode_records
from hereditary_kg.embeddings.run_records import read_answer, read_bytes, write_answer, write_bytes
from hereditary_kg.embeddings.whole_files import replace_file

__all__ = ["ClientState", "ClientStateFile", "forget_other_runs", "hold_runs"]

_NAME = "client.state"


@dataclass(frozen=True, eq=False)
class ClientState:
    """Where a site is in a run.

    Attributes:
        notes: what must be the same where it goes on: the site, its triples and the plan.
        round: the round after which the vectors are; 0: as they were after the alignment.
        answer: which of the site's terms are which shared rows; None before it knows.
        protocol: what secure aggregation remembers (`SiteState.encode`); empty where there is
            nothing.
    """

    notes: Mapping[str, str]
    round: int = 0
    answer: RowMap | None = None
    protocol: bytes = b""


class ClientStateFile:
    """The file in which a site's state in a run is kept.

    Args:
        directory: the run's, for its owner alone.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / _NAME

    def save(self, state: ClientState) -> None:
        """Keep a state, in the place of the one before.

        Raises:
            TrainingError: it cannot be written; the reply must not leave then.
        """
        records = write_bytes(protocol=state.protocol)
        records["notes"] = ConfigRecord(dict(state.notes))
        records["about"] = ConfigRecord({"round": state.round})
        if state.answer is not None:
            records.update(write_answer(state.answer))
        try:
            replace_file(self.path, encode_records(records))
        except OSError as error:
            raise TrainingError(
                f"{self.path}: the site's state in the run cannot be written: {error.strerror}. "
                "Nothing leaves the site without it; make room, or make the place writable."
            ) from error

    def load(self) -> ClientState:
        """Take the state up again.

        Raises:
            TrainingError: there is none, or it cannot be read.
        """
        try:
            records = decode_records(self.path.read_bytes())
        except FileNotFoundError as error:
            raise TrainingError(
                "This site is in no run of this number, or another run has taken its place. The "
                "server has to take it in again."
            ) from error
        except (OSError, CodingError) as error:
            raise TrainingError(
                f"{self.path}: the site's state in the run cannot be read: {error} Start the run "
                "anew."
            ) from error
        notes, about = records["notes"], records["about"]
        return ClientState(
            {key: str(value) for key, value in notes.items()},
            int(str(about["round"])),
            read_answer(records) if "numbering" in records else None,
            read_bytes(records, "protocol"),
        )


@contextmanager
def hold_runs(directory: Path) -> Generator[None]:
    """Let one message at a time be done, in whichever process.

    Two at once would both begin with the same state, and a server could have two updates of one
    round, under one mask.

    Args:
        directory: where the site keeps its runs.

    Raises:
        TrainingError: the directory cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise TrainingError(
            f"{directory}: the site's runs cannot be kept there: {error.strerror}."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def forget_other_runs(directory: Path, current: Path) -> None:
    """Remove the states of runs whose end nobody has told, and the secrets in them.

    Args:
        directory: where the site keeps its runs.
        current: the directory of the run that begins.
    """
    for state in directory.glob(f"*/{_NAME}"):
        if state.parent != current:
            state.unlink(missing_ok=True)
