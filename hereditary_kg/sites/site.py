"""A site: a directory with its description, its store, its profile and the log of its loads."""

import os
import shutil
import weakref
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from hereditary_kg.sites.description import (
    DESCRIPTION_FILE,
    SiteDescription,
    check_base_iri,
    check_name,
    check_shared_namespaces,
    read_site_description,
    write_site_description,
)
from hereditary_kg.sites.errors import SiteError
from hereditary_kg.sites.load_log import (
    EMPTY_STAMP,
    LoadRecord,
    chain_stamp,
    clear_generations,
    commit_load,
    generation_directory,
    read_loads,
)
from hereditary_kg.sites.loading import LoadReport, Progress, fill_store
from hereditary_kg.sites.locks import LOCK_FILE, SiteLock
from hereditary_kg.sites.profile import Profile
from hereditary_kg.sites.reading import identify_file
from hereditary_kg.sites.shared_namespaces import DETECTED, SharingPolicy

if TYPE_CHECKING:
    from pyoxigraph import Store

    from hereditary_kg.sites.profile_state import ProfileState

__all__ = ["Site"]

_PROFILE_FILE = "profile.json"
_STATE_FILE = "profile-state.json"


class Site:
    """A site on disk.

    Made by `create` or `open`. Several processes may read a site at once; loading needs it
    alone. A Site that gave out its store holds the site until `close` (or the end of a ``with``
    block).

    Attributes:
        directory: where the site lies.
        description: what its ``site.toml`` says.
    """

    def __init__(self, directory: Path, description: SiteDescription) -> None:
        self.directory = directory
        self.description = description
        self._lock: SiteLock | None = None

    @classmethod
    def create(
        cls,
        directory: str | Path,
        *,
        name: str | None = None,
        base_iri: str | None = None,
        title: str | None = None,
        shared_namespaces: Iterable[str] = (DETECTED,),
    ) -> "Site":
        """Make a new, empty site.

        Args:
            directory: where; it must be missing or empty.
            name: a short lower-case name; the directory's where none is given.
            base_iri: where the site's own IRIs begin; one under ``.invalid`` where none is given.
            title: what people read; the name where none is given.
            shared_namespaces: namespaces of vocabularies that are no secret, and ``detected``
                for those that plainly are (`SiteDescription.shared_namespaces`).

        Raises:
            SiteError: the directory is in use or cannot be written, or a value is no good.
        """
        directory = Path(directory)
        name = check_name(name if name is not None else directory.resolve().name)
        base_iri = check_base_iri(base_iri or f"https://{name}.invalid/")
        description = SiteDescription(
            name=name,
            title=title or name,
            base_iri=base_iri,
            shared_namespaces=check_shared_namespaces(shared_namespaces, base_iri),
            created=datetime.now(UTC).replace(microsecond=0),
        )
        try:
            if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
                raise SiteError(
                    f"{directory}: is not empty; create the site in a directory of its own"
                )
            directory.mkdir(parents=True, exist_ok=True)
            (directory / LOCK_FILE).touch()
            write_site_description(directory / DESCRIPTION_FILE, description)
        except OSError as error:
            raise SiteError(f"{directory}: the site cannot be created: {error.strerror}") from error
        return cls(directory, description)

    @classmethod
    def open(cls, directory: str | Path) -> "Site":
        """Open a site.

        Raises:
            SiteError: there is none in the directory, or its description is wrong.
        """
        directory = Path(directory)
        if not directory.is_dir():
            raise SiteError(
                f"{directory}: there is no such directory; `hkg site create {directory}` makes "
                "a site there"
            )
        if not (directory / DESCRIPTION_FILE).exists():
            raise SiteError(
                f"{directory}: is no site, for it has no {DESCRIPTION_FILE}; `hkg site create` "
                "makes one in an empty directory"
            )
        return cls(directory, read_site_description(directory / DESCRIPTION_FILE))

    def loads(self) -> tuple[LoadRecord, ...]:
        """Read what was loaded, the oldest load first.

        Raises:
            SiteError: the log is unreadable.
        """
        return read_loads(self.directory)

    def stamp(self) -> str:
        """Give the version of the site's data: 32 hexadecimal digits that change with each load.

        The same files, loaded into an empty site in the same order and way, give the same.

        Raises:
            SiteError: the log of loads is unreadable.
        """
        loads = self.loads()
        return loads[-1].stamp if loads else EMPTY_STAMP

    def load(
        self,
        files: Iterable[str | Path],
        *,
        skolemise: bool = True,
        progress: Progress | None = None,
    ) -> LoadReport:
        """Add data files to the store, all of them or, where one is broken, none.

        Turtle, N-Triples, N-Quads, TriG, RDF/XML and JSON-LD, told apart by their extensions,
        each also compressed (``.gz``). Whatever happens meanwhile, the site has either its old
        data or the new.

        Args:
            files: the files.
            skolemise: whether blank nodes become IRIs below the site's base IRI.
            progress: told the bytes read, of all.

        Raises:
            LoadError: a file is missing, broken or of no known format; with line and column.
            SiteBusyError: the site is being served or read.
            SiteError: the store cannot be read or written.
        """
        sources = [identify_file(Path(file)) for file in files]
        if not sources:
            raise SiteError("there is nothing to load; name at least one file")
        with SiteLock(self.directory, exclusive=True):
            loads = self.loads()
            last = loads[-1] if loads else None
            clear_generations(self.directory, last.generation if last else None)
            generation = last.generation + 1 if last else 1
            directory = generation_directory(self.directory, generation)
            current = generation_directory(self.directory, last.generation) if last else None
            if current is not None and not current.is_dir():
                raise self._missing_store(current)
            base_iri = self.description.base_iri if skolemise else None
            try:
                loaded, before, total = fill_store(
                    directory, current, sources, base_iri=base_iri, progress=progress
                )
                parts = [file.sha256 for file in loaded]
                record = LoadRecord(
                    stamp=chain_stamp(
                        last.stamp if last else EMPTY_STAMP, [base_iri or "blank", *parts]
                    ),
                    generation=generation,
                    time=datetime.now(UTC).isoformat(timespec="seconds"),
                    files=loaded,
                    skolemised=skolemise,
                    total=total,
                )
                commit_load(self.directory, (*loads, record))
            except OSError as error:
                raise SiteError(
                    f"{self.directory}: the load cannot be written: {error.strerror or error}"
                ) from error
            finally:
                done = self.loads()
                if not done or done[-1].generation != generation:
                    shutil.rmtree(directory, ignore_errors=True)
            clear_generations(self.directory, generation)
        return LoadReport(record.files, total - before, total, record.stamp)

    def open_store(self) -> "Store":
        """Open the store for reading, and hold the site against loads until `close`.

        Raises:
            SiteBusyError: data are being loaded.
            SiteError: the store cannot be opened.
        """
        self.hold()
        return self._read_store()

    def hold(self) -> Self:
        """Hold the site against loads until `close`, or the end of a ``with`` block.

        Raises:
            SiteBusyError: data are being loaded.
        """
        if self._lock is None:
            self._lock = SiteLock(self.directory, exclusive=False)
            weakref.finalize(self, self._lock.release)
        return self

    def close(self) -> None:
        """Let go of the site; stores that were given out must no longer be used."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def build_profile(self, progress: Progress | None = None) -> Profile:
        """Measure the data and keep the profile beside them.

        What was measured before and has not changed since is not measured again.

        Args:
            progress: told the triples measured, of all.

        Raises:
            SiteBusyError: data are being loaded.
            SiteError: the store cannot be read, or the profile cannot be written.
        """
        from hereditary_kg.sites.profiling import measure_store  # noqa: PLC0415 (slow to import)

        description = self.description
        policy = SharingPolicy.of_entries(description.shared_namespaces, description.base_iri)
        with SiteLock(self.directory, exclusive=False):
            try:
                profile, state = measure_store(
                    self._read_store(),
                    self.stamp(),
                    policy,
                    earlier=self._earlier_state(),
                    progress=progress,
                )
            except (OSError, RuntimeError) as error:
                raise SiteError(f"{self.directory}: the store cannot be read: {error}") from error
            self._replace_file(_STATE_FILE, state.to_json())
            self._replace_file(_PROFILE_FILE, profile.to_json())
        return profile

    def _earlier_state(self) -> "ProfileState | None":
        """Read what was measured of these data before, if they only grew since."""
        from hereditary_kg.sites.profile_state import (  # noqa: PLC0415 (slow to import)
            ProfileState,
        )

        try:
            state = ProfileState.from_json((self.directory / _STATE_FILE).read_bytes())
        except OSError:
            return None
        stamps = {load.stamp for load in self.loads()}
        return state if state is not None and state.stamp in stamps else None

    def _replace_file(self, name: str, content: bytes) -> None:
        path = self.directory / name
        draft = path.with_suffix(f".{os.getpid()}.draft")
        try:
            draft.write_bytes(content)
            draft.replace(path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise SiteError(f"{path}: cannot be written: {error.strerror}") from error

    def profile(self) -> Profile | None:
        """Read the profile; None where there is none of the data as they are now.

        Raises:
            SiteError: the profile is broken.
        """
        profile = self._stored_profile()
        return profile if profile is not None and profile.stamp == self.stamp() else None

    def profile_state(self) -> Literal["absent", "outdated", "current"]:
        """Say whether there is a profile, and whether it is one of the data as they are now.

        Raises:
            SiteError: the profile is broken.
        """
        profile = self._stored_profile()
        if profile is None:
            return "absent"
        return "current" if profile.stamp == self.stamp() else "outdated"

    def store_size(self) -> int:
        """Give the bytes that the store takes on disk; 0 where nothing was loaded.

        Raises:
            SiteError: the log of loads is unreadable.
        """
        loads = self.loads()
        if not loads:
            return 0
        directory = generation_directory(self.directory, loads[-1].generation)
        return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())

    def _stored_profile(self) -> Profile | None:
        path = self.directory / _PROFILE_FILE
        try:
            return Profile.from_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SiteError(f"{path}: cannot be read: {error.strerror}") from error
        except SiteError as error:
            raise SiteError(f"{path}: {error}") from error

    def _read_store(self) -> "Store":
        from pyoxigraph import Store  # noqa: PLC0415 (slow to import)

        loads = self.loads()
        if not loads:
            return Store()
        directory = generation_directory(self.directory, loads[-1].generation)
        if not directory.is_dir():
            raise self._missing_store(directory)
        try:
            return Store.read_only(str(directory))
        except (OSError, RuntimeError) as error:
            raise SiteError(
                f"{directory}: the store cannot be opened: {error}; restore it from a backup, or "
                "create the site anew and load its data again"
            ) from error

    @staticmethod
    def _missing_store(directory: Path) -> SiteError:
        return SiteError(
            f"{directory}: the store is missing; restore it from a backup, or create the site "
            "anew and load its data again"
        )
