"""What can go wrong at a site.

SiteError
├── SiteDescriptionError   site.toml is wrong (path, line, key)
├── LoadError              a data file is broken (path, line, column)
└── SiteBusyError          another process holds the site
"""

from pathlib import Path

__all__ = ["LoadError", "SiteBusyError", "SiteDescriptionError", "SiteError"]


class SiteError(Exception):
    """A site cannot do what it was asked for; the message says why and what to do next."""


class SiteDescriptionError(SiteError):
    """A ``site.toml`` cannot be read.

    Attributes:
        path: the file.
        line: the line of the mistake, from 1; None where it concerns no line.
        key: the key, with its table (``service.port``); None where it concerns no key.
    """

    def __init__(self, path: Path, line: int | None, key: str | None, reason: str) -> None:
        self.path = path
        self.line = line
        self.key = key
        place = f"{path}:{line}" if line is not None else str(path)
        super().__init__(f"{place}: {f'{key}: ' if key else ''}{reason}")


class LoadError(SiteError):
    """A data file is broken; nothing of it or of the files beside it was loaded.

    Attributes:
        path: the file.
        line: the line, from 1, in the decompressed text; None where the parser knows none.
        column: the column, from 1, in characters; None where the parser knows none.
        reason: what is wrong there.
        excerpt: the line with a caret under the place; empty where there is none to show.
    """

    def __init__(
        self,
        path: Path,
        reason: str,
        *,
        line: int | None = None,
        column: int | None = None,
        excerpt: str = "",
    ) -> None:
        self.path = path
        self.line = line
        self.column = column
        self.reason = reason
        self.excerpt = excerpt
        place = ":".join(str(part) for part in (path, line, column) if part is not None)
        super().__init__(f"{place}: {reason}" + (f"\n{excerpt}" if excerpt else ""))


class SiteBusyError(SiteError):
    """Another process reads or writes the site's store."""
