"""OAK's lexmatch, in a virtual environment of its own.

Both sides are written into one OBO file, from which OAK makes its index of names; rules are those
that OAK has if none are given.
"""

import csv
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from benchmarks.federation.engines.installation import engine_directory, run_step
from benchmarks.matching_tasks import Task
from hereditary_kg.semantics.terminology import Terminology

__all__ = ["LexmatchError", "run_lexmatch"]

VERSION = "0.7.4"
_TIMEOUT = 900


class LexmatchError(Exception):
    """OAK could not be installed, or did not match the files in time."""


def run_lexmatch(task: Task) -> tuple[dict[tuple[str, str], float | None], float]:
    """Match with OAK; give its pairs with the best confidence of each, and seconds of CPU.

    Raises:
        LexmatchError: it cannot be installed, fails, or takes too long.
    """
    program = _installed()
    with tempfile.TemporaryDirectory() as directory:
        source, result = Path(directory) / "both.obo", Path(directory) / "found.sssom.tsv"
        places = _write_obo(task, source)
        command = [str(program), "-i", f"simpleobo:{source}", "lexmatch", "-o", str(result)]
        command += ["i^S1:", "@", "i^S2:"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_TIMEOUT)
        except subprocess.TimeoutExpired:
            raise LexmatchError(f"it took longer than {_TIMEOUT} s.") from None
        except subprocess.CalledProcessError as error:
            last = error.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise LexmatchError(f"it failed: {' '.join(last)}") from None
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return dict(_read(result, places)), seconds


def _installed() -> Path:
    directory = engine_directory("oaklib")
    program = directory / "venv" / "bin" / "runoak"
    if not program.exists():
        directory.mkdir(parents=True, exist_ok=True)
        try:
            run_step([sys.executable, "-m", "venv", "venv"], directory)
            pip = str(directory / "venv" / "bin" / "pip")
            run_step([pip, "install", "--quiet", f"oaklib=={VERSION}", "setuptools<81"], directory)
        except SystemExit as error:
            raise LexmatchError(f"it cannot be installed: {error}.") from None
    return program


def _write_obo(task: Task, path: Path) -> dict[str, str]:
    """Write both sides under short identifiers; give what each stands for."""
    places: dict[str, str] = {}
    blocks = ["format-version: 1.2\nontology: both\n"]
    for number, side in ((1, task.one), (2, task.other)):
        for name, block in _blocks(side, f"S{number}"):
            places[block.partition("\n")[0].removeprefix("id: ")] = name
            blocks.append(f"[Term]\n{block}")
    path.write_text("\n".join(blocks), encoding="utf-8")
    return places


def _blocks(side: Terminology, prefix: str) -> Iterator[tuple[str, str]]:
    synonyms: dict[str, list[str]] = {}
    for name, text, scope in side.synonyms.sort("id", "text", "scope").iter_rows():
        kind = scope.upper() if scope in {"exact", "narrow", "broad"} else "RELATED"
        synonyms.setdefault(name, []).append(f'synonym: "{_escaped(text)}" {kind} []')
    terms = side.terms.filter(~pl.col("obsolete").fill_null(value=False)).sort("id")
    for number, (name, label) in enumerate(terms.select("id", "label").iter_rows(), 1):
        lines = [f"id: {prefix}:{number:07}", f"name: {_escaped(label or name)}"]
        yield name, "\n".join([*lines, *synonyms.get(name, []), ""])


def _escaped(text: str) -> str:
    flat = " ".join(text.replace("_", " ").split())
    return flat.replace("\\", "\\\\").replace('"', '\\"').replace("{", "\\{")


def _read(path: Path, places: dict[str, str]) -> Iterator[tuple[tuple[str, str], float | None]]:
    best: dict[tuple[str, str], float | None] = {}
    with path.open(encoding="utf-8") as lines:
        rows = csv.DictReader((line for line in lines if line[0] != "#"), delimiter="\t")
        for row in rows:
            one, other = row["subject_id"], row["object_id"]
            if one.startswith("S2:"):
                one, other = other, one
            if one.startswith("S1:") and other.startswith("S2:"):
                pair = places[one], places[other]
                sure = float(row["confidence"]) if row.get("confidence") else None
                best[pair] = max(best.get(pair) or 0.0, sure or 0.0) or None
    yield from sorted(best.items())
