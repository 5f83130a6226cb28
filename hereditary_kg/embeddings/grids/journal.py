"""What a site has done in a run, on its disk: so that nothing is done twice after a crash.

When a site has done a message, its reply, the application's state and the message's number are
written before the reply leaves. Either all of it is on the disk or nothing: the state is a file
named by its content, and the journal that names it is replaced in one step. A message that was
interrupted is done again; its result never left.
"""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

from hereditary_kg.embeddings.grids.errors import CodingError, SettingsError
from hereditary_kg.embeddings.grids.flower_api import RecordDict
from hereditary_kg.embeddings.grids.frames import Frame
from hereditary_kg.embeddings.grids.manifest import RunManifest, SignedManifest
from hereditary_kg.embeddings.grids.message_coding import decode_records, encode_records
from hereditary_kg.embeddings.grids.run_directories import (
    finish_run_directory,
    open_run_directory,
)
from hereditary_kg.embeddings.whole_files import replace_file

__all__ = ["Journal"]


@dataclass(eq=False)
class Journal:
    """A site's record of a run.

    Attributes:
        directory: where it is kept.
        done: the number of the last message that was done.
        replies: replies that the server has not acknowledged, by message id.
        state: what the application keeps.
    """

    directory: Path
    done: int
    replies: dict[str, bytes]
    state: RecordDict
    _state_file: str = ""

    @classmethod
    def open(cls, above: Path, signed: SignedManifest, run: RunManifest) -> Self:
        """Begin a run, or go on with it.

        Args:
            above: the site's directory of runs.
            signed: the run's manifest, checked.
            run: what it says.

        Raises:
            ManifestError: the site has finished a run of this number, or knows it by another
                manifest.
            SettingsError: the directory cannot be written, or what it holds cannot be read.
        """
        directory = open_run_directory(above, signed, run)
        try:
            return cls._read(directory)
        except OSError as error:
            raise SettingsError(
                f"{directory}: the run's journal cannot be kept there: {error.strerror}."
            ) from error
        except CodingError as error:
            raise SettingsError(
                f"{directory}: the run's journal cannot be read: {error} Move it away to leave "
                "the run; the site cannot join it again."
            ) from error

    @classmethod
    def _read(cls, directory: Path) -> Self:
        path = directory / "journal"
        if not path.exists():
            return cls(directory, 0, {}, RecordDict())
        frame = Frame.decode(path.read_bytes())
        replies: dict[str, bytes] = {}
        place = 0
        for number in range(frame.number("replies")):
            end = place + frame.number(f"length-{number}")
            replies[frame.text(f"reply-{number}")] = frame.data[place:end]
            place = end
        name = frame.text("state")
        state = decode_records((directory / name).read_bytes())
        for stale in directory.glob("state-*"):
            if stale.name != name:
                stale.unlink()
        return cls(directory, frame.number("done"), replies, state, name)

    def commit(self, sequence: int, message_id: str, reply: bytes, state: RecordDict) -> None:
        """Write that a message is done.

        Args:
            sequence: the message's number.
            message_id: its id.
            reply: the reply's bytes.
            state: what the application keeps now.

        Raises:
            SettingsError: it cannot be written; the reply must not leave then.
        """
        self.done = sequence
        self.replies[message_id] = reply
        self.state = state
        written = encode_records(state)
        name = f"state-{sha256(written).hexdigest()[:32]}"
        try:
            if name != self._state_file:
                replace_file(self.directory / name, written)
            older, self._state_file = self._state_file, name
            self._write()
            if older and older != name:
                (self.directory / older).unlink(missing_ok=True)
        except OSError as error:
            raise SettingsError(
                f"{self.directory}: the run's journal cannot be written: {error.strerror}."
            ) from error

    def forget(self, message_id: str) -> None:
        """Drop a reply that the server has acknowledged.

        The file is not written for it: at worst the reply is sent once more.
        """
        self.replies.pop(message_id, None)

    def finish(self) -> None:
        """Drop everything but that the run is finished."""
        finish_run_directory(self.directory)

    def _write(self) -> None:
        fields: dict[str, str | int | float] = {
            "done": self.done,
            "state": self._state_file,
            "replies": len(self.replies),
        }
        for number, (message_id, reply) in enumerate(self.replies.items()):
            fields[f"reply-{number}"] = message_id
            fields[f"length-{number}"] = len(reply)
        data = b"".join(self.replies.values())
        replace_file(self.directory / "journal", Frame("journal", fields, data).encode())
