"""Where an engine's process spends its time while it answers queries: stacks by ``py-spy``."""

import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path

from benchmarks.federation.engines.endpoint import EndpointEngine
from benchmarks.federation.templates import BenchmarkQuery
from benchmarks.reporting import write_table

__all__ = ["profile_queries", "summarise_stacks"]

_RATE = 400
_SHOWN = 25
_PROJECT = "hereditary_kg/"
_LINE = re.compile(r":\d+\)$")


def profile_queries(
    engine: EndpointEngine,
    queries: Sequence[BenchmarkQuery],
    directory: Path,
    *,
    seconds: int,
    timeout: float,
) -> str:
    """Ask queries again and again while the engine's process is sampled.

    The stacks go to ``stacks.txt`` (collapsed, for any flame graph program) and to
    ``flames.svg`` in ``directory``.

    Args:
        engine: an engine that has started.
        queries: what to ask.
        directory: where to.
        seconds: how long for each of the two recordings.
        timeout: seconds for one query.

    Returns:
        Two tables of functions, see `summarise_stacks`.

    Raises:
        FileNotFoundError: ``py-spy`` is not installed.
    """
    beside = Path(sys.executable).with_name("py-spy")
    program = str(beside) if beside.is_file() else shutil.which("py-spy")
    if program is None or engine.pid is None:
        raise FileNotFoundError("profiles are taken with py-spy; pip install py-spy")
    stacks = directory / "stacks.txt"
    for place, form in ((stacks, "raw"), (directory / "flames.svg", "flamegraph")):
        command = [program, "record", "--pid", str(engine.pid), "--format", form]
        command += ["--rate", str(_RATE), "--duration", str(seconds), "--nonblocking"]
        command += ["--output", str(place)]
        recording = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while recording.poll() is None:
                for query in queries:
                    engine.answer(query.text, timeout)
        finally:
            recording.kill()
            recording.wait()
    _name_graph(directory / "flames.svg", f"{engine.name}: the queries that took it longest")
    return summarise_stacks(stacks.read_text(encoding="utf-8"))


def _name_graph(path: Path, name: str) -> None:
    """Name a flame graph by what it shows; py-spy names it by its own command and paths."""
    graph = path.read_text(encoding="utf-8")
    named = re.sub(r'(<text id="title"[^>]*>)[^<]*', rf"\g<1>{escape(name)}", graph, count=1)
    path.write_text(named, encoding="utf-8")


def summarise_stacks(text: str) -> str:
    """Sum up collapsed stacks.

    Args:
        text: a stack a line: frames from the outermost, separated by semicolons, then the
            number of samples.

    Returns:
        Two tables with shares of all samples: by the function that ran, and by the innermost
        function of the project, which has what libraries did for it.
    """
    ran: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for line in text.splitlines():
        stack, _, number = line.rpartition(" ")
        frames = [_LINE.sub(")", frame) for frame in stack.split(";")]
        ran[frames[-1]] += int(number)
        ours = [frame for frame in frames if _PROJECT in frame]
        asked[ours[-1] if ours else "(none)"] += int(number)
    total = sum(ran.values()) or 1
    tables = []
    for title, tally in (("function that ran", ran), ("function of the project", asked)):
        rows = [[frame, f"{samples / total:.1%}"] for frame, samples in tally.most_common(_SHOWN)]
        tables.append(write_table([title, "time"], rows))
    return "\n\n".join(tables)
