"""Comunica, a federation engine in JavaScript.

``python -m benchmarks.federation.engines.comunica --install`` installs it into the user's cache,
from npm, with a Node of its own: it needs version 22, and the npm package ``node`` brings one.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.federation.engines.base import EngineAnswer, EngineError, ServedFederation
from benchmarks.federation.engines.endpoint import EndpointEngine
from benchmarks.federation.engines.installation import engine_directory, run_step

__all__ = ["PACKAGES", "ComunicaEngine", "install"]

PACKAGES = {"@comunica/query-sparql": "5.4.1", "node": "22.23.3"}
"""The versions that the figures in ``docs/benchmarks.md`` were taken with."""

_NODE = Path("node_modules/node/bin/node")
_SERVER = Path("node_modules/@comunica/query-sparql/bin/http.js")
_HEAD_WITHOUT_VARIABLES = b'{"head": {}'
_HEAD_WITH_NO_VARIABLE = b'{"head": {"vars": []}'
_LONGER_THAN_ANY_LIMIT = 3600


class ComunicaEngine(EndpointEngine):
    """``comunica-sparql-http`` over the members, with the defaults of its documentation.

    Members are given as ``sparql@URL``, which spares it finding out what they are. Its limit of
    time is longer than the runner's, so that the runner's counts for all engines.
    """

    name = "comunica"
    accept = "application/sparql-results+json"

    def command(self, federation: ServedFederation, port: int) -> Sequence[str]:
        """Give the command.

        Raises:
            EngineError: it is not installed, or in another version.
        """
        directory = engine_directory(self.name)
        _check(directory)
        sources = [f"sparql@{url}" for url in federation.urls.values()]
        options = ["--port", str(port), "--timeout", str(_LONGER_THAN_ANY_LIMIT)]
        return [str(directory / _NODE), str(directory / _SERVER), *sources, *options]

    def answer(self, query: str, timeout: float) -> EngineAnswer:
        """Ask it; an answer without rows, which names no variables, is made to name none."""
        given = super().answer(query, timeout)
        if given.document.startswith(_HEAD_WITHOUT_VARIABLES):
            rest = given.document.removeprefix(_HEAD_WITHOUT_VARIABLES)
            return replace(given, document=_HEAD_WITH_NO_VARIABLE + rest)
        return given


def install() -> None:
    """Install Comunica and Node into the user's cache.

    Raises:
        SystemExit: npm is missing or failed.
    """
    directory = engine_directory(ComunicaEngine.name)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    packages = [f"{name}@{version}" for name, version in PACKAGES.items()]
    run_step(["npm", "install", "--no-audit", "--no-fund", "--save-exact", *packages], directory)


def _check(directory: Path) -> None:
    advice = f"run python -m {__spec__.name if __spec__ else __name__} --install"
    for name, version in PACKAGES.items():
        manifest = directory / "node_modules" / name / "package.json"
        if not manifest.is_file():
            raise EngineError(f"{name} is not installed; {advice}")
        found = json.loads(manifest.read_text(encoding="utf-8"))["version"]
        if found != version:
            raise EngineError(f"{name} {found} is installed, and not {version}; {advice}")
    if not (directory / _NODE).is_file():
        raise EngineError(f"the package node brought no program; {advice}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--install", action="store_true", required=True)
    parser.parse_args()
    install()
