"""Run the demo: build the four sites, serve each as an endpoint, ask three questions of all.

Run from the repository root, ``python -m endpoints.demo.run``, or ``make demo``. All persons in
the sites are synthetic. ``--scale 0.1`` runs on a tenth of the data.
"""

import re
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

import click
from rich.console import Console

from endpoints.demo.build import (
    DESCRIPTION,
    BuiltSite,
    build_demo,
    directory_option,
    locate_description,
    locate_sites,
    scale_option,
)
from endpoints.demo.dataset import SYNTHETIC
from endpoints.demo.served_sites import ServiceError, serve_sites
from endpoints.demo.simulate import TITLES
from hereditary_kg import Federation, Result
from hereditary_kg.cli.plan_display import draw_plan
from hereditary_kg.cli.settings import WIDTH, open_console
from hereditary_kg.cli.tables import (
    make_table,
    print_certificate,
    print_solutions,
)
from hereditary_kg.execution.errors import ExecutionError
from hereditary_kg.federation.connection import connect_members
from hereditary_kg.federation.description import FederationDescription, read_description
from hereditary_kg.federation.errors import FederationError
from hereditary_kg.sites.errors import SiteError

__all__ = ["main", "name_command", "name_path"]

ROOT = Path(__file__).parents[2]
QUESTIONS = ROOT / "query_plans"

_NOTE = re.compile(r"^# (\w+): (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Question:
    """One of the demo's questions.

    Attributes:
        path: the file with its query.
        text: the query.
        words: the question in words.
        shows: what it shows about the federation.
    """

    path: Path
    text: str
    words: str
    shows: str


def read_questions() -> list[Question]:
    """Read the demo's questions, in the order of their names."""
    questions = []
    for path in sorted(QUESTIONS.glob("demo-*.rq")):
        text = path.read_text(encoding="utf-8")
        notes = dict(_NOTE.findall(text))
        questions.append(Question(path, text, notes["question"], notes["shows"]))
    return questions


def reach_by_http(
    description: FederationDescription, addresses: Mapping[str, str]
) -> FederationDescription:
    """Describe the same federation with its members behind endpoints."""
    members = tuple(
        replace(member, site=None, url=addresses[member.name]) for member in description.members
    )
    return replace(description, members=members)


def run_demo(console: Console, scale: float, directory: Path) -> None:
    """Run the demo from the building of the sites to the last answer.

    Args:
        console: where it is shown.
        scale: share of the persons and of the registry's diseases.
        directory: where the sites go, or lie already.

    Raises:
        SiteError: a site cannot be built.
        ServiceError: a site cannot be served.
        ExecutionError: a question cannot be answered.
    """
    started = time.perf_counter()
    console.print("One question, many sites", style="bold")
    console.print(SYNTHETIC)
    console.print()
    sites = build_demo(directory, scale=scale)
    path = locate_description(directory, DESCRIPTION)
    described = read_description(path)
    with serve_sites({site.name: site.directory for site in sites}) as addresses:
        print_sites(console, sites, addresses)
        served = reach_by_http(described, addresses)
        with Federation(served, connect_members(served)) as federation:
            for number, question in enumerate(read_questions(), 1):
                console.print()
                ask(console, federation, number, question)
    print_farewell(console, path, time.perf_counter() - started)


def print_sites(
    console: Console,
    sites: Sequence[BuiltSite],
    addresses: Mapping[str, str],
) -> None:
    """Print what there is to be asked, and where."""
    table = make_table("site", "triples", "", "endpoint", right=("triples",))
    for site in sites:
        state = "built" if site.fresh else "kept"
        table.add_row(site.name, f"{site.triples:,}", state, addresses[site.name])
    console.print(table)
    for site in sites:
        console.print(TITLES[site.name], style="dim")


def ask(console: Console, federation: Federation, number: int, question: Question) -> None:
    """Ask one question, and print question, plan, answer, certificate and time."""
    prefixes = federation.description.prefixes
    console.rule(style="dim")
    console.print(f"Question {number}: {question.words}", style="bold")
    console.print(question.shows, style="dim")
    began = time.perf_counter()
    with console.status("asking"):
        result: Result = federation.query(question.text)
    seconds = time.perf_counter() - began
    _head(console, "Plan")
    drawn = draw_plan(result.plan, len(federation.members), console.width)
    console.print(drawn, soft_wrap=True)
    _head(console, "Answer")
    print_solutions(console, result.frame, prefixes, most_rows=0)
    _head(console, "Certificate: who was asked what")
    print_certificate(console, result.certificate, prefixes, with_requests=True)
    console.print(f"Answered over HTTP in {seconds:.2f} s.")


def _head(console: Console, words: str) -> None:
    console.print()
    console.print(words, style="bold")


def print_farewell(console: Console, description: Path, seconds: float) -> None:
    """Say how to go on by hand, in commands that work from where the demo was started."""
    command = name_command()
    shown = name_path(description)
    console.print()
    console.rule(style="dim")
    console.print(f"The demo took {seconds:.1f} s; its endpoints are stopped. To go on by hand:")
    console.print()
    question = name_path(read_questions()[0].path)
    for line in (
        f"{command} query -f {shown} {question}",
        f"{command} serve -f {shown} --port 8080",
    ):
        console.print(f"  {line}", style="bold", soft_wrap=True)
    console.print()
    console.print("The second is one SPARQL endpoint over all sites: http://127.0.0.1:8080/sparql")
    console.print("All persons in the sites are synthetic.")


def name_command() -> str:
    """Name ``hkg`` so that a shell finds it."""
    beside = Path(sys.executable).parent / "hkg"
    found = shutil.which("hkg")
    if found is not None and Path(found).resolve() == beside.resolve():
        return "hkg"
    return name_path(beside)


def name_path(path: Path) -> str:
    """Name a file as it is reached from where the demo was started."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


@click.command()
@scale_option
@directory_option
def main(scale: float, directory: Path | None) -> None:
    """Ask three questions of four sites; all persons in them are synthetic."""
    # On SIGTERM, too, the blocks that serve the sites must end in good order.
    signal.signal(signal.SIGTERM, _leave)
    console = open_console()
    console.width = min(console.width, WIDTH)
    try:
        run_demo(console, scale, directory or locate_sites(scale))
    except KeyboardInterrupt:
        click.echo("Interrupted; the demo's endpoints are stopped.", err=True)
        raise SystemExit(130) from None
    except (SiteError, ServiceError, ExecutionError, FederationError) as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
