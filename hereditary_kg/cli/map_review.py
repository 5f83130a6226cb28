"""``hkg map review``: decide on candidate mappings by single keys, on a page or in a terminal."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from hereditary_kg.cli.errors import FAILED, CommandError
from hereditary_kg.cli.hub_files import hub_option
from hereditary_kg.cli.settings import Settings, common_options, open_console, pass_settings, tell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hereditary_kg.semantics.hub import Hub
    from hereditary_kg.semantics.review.reviewers import Reviewer
    from hereditary_kg.semantics.review.session import ReviewSession, Surroundings

__all__ = ["review"]

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("mapping_set", metavar="FILE", type=_FILE)
@click.option(
    "--reviewer",
    "reviewers",
    multiple=True,
    required=True,
    metavar="WHO",
    help="Who reviews: an ORCID, or a name. May be given several times: each gets an address of "
    "their own.",
)
@hub_option
@click.option(
    "--records",
    "records",
    multiple=True,
    type=_FILE,
    metavar="FILE",
    help="How many records have which code: a table of code and number, or a site's profile. May "
    "be given several times; numbers are added up.",
)
@click.option(
    "--queries",
    "queries",
    type=click.Path(path_type=Path),
    metavar="DIRECTORY",
    help="Where saved queries (.rq) lie: mappings that they depend on come first.",
)
@click.option(
    "--known",
    "known",
    multiple=True,
    type=_FILE,
    metavar="FILE",
    help="Another mapping set: pairs that it denies, or a reviewer has confirmed there, are not "
    "asked again. May be given several times.",
)
@click.option(
    "--readers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="NUMBER",
    help="How many have to read a pair.",
)
@click.option(
    "--arbiter",
    "arbiters",
    multiple=True,
    metavar="WHO",
    help="Who settles what readers dispute; else whoever has not read it yet. May be given several "
    "times.",
)
@click.option(
    "--lease",
    type=click.FloatRange(min=0.1),
    default=15,
    show_default=True,
    metavar="MINUTES",
    help="How long a pair is kept for a reader who does not decide.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="PORT",
    help="The TCP port of the page on 127.0.0.1; else a free one.",
)
@click.option("--terminal", is_flag=True, help="Review in this terminal, and serve no page.")
@common_options
@pass_settings
def review(
    settings: Settings,
    *,
    mapping_set: Path,
    reviewers: tuple[str, ...],
    hub_path: Path | None,
    records: tuple[Path, ...],
    queries: Path | None,
    known: tuple[Path, ...],
    readers: int,
    arbiters: tuple[str, ...],
    lease: float,
    port: int,
    terminal: bool,
) -> None:
    """Decide on the mappings of FILE (SSSOM), one key each.

    The page's addresses, one a reviewer, are written to standard output. What hangs on most records
    and saved queries comes first. Each decision is written at once: to a journal beside FILE, and
    to FILE itself with reviewer_id, review_date and reviewer_agreement. A process that is killed
    loses nothing; the same command goes on where it was.
    """
    from hereditary_kg.semantics.review.reviewers import Reviewer
    from hereditary_kg.semantics.review.session import ReviewSession

    settings.start_logging()
    people = [Reviewer.parse(each) for each in dict.fromkeys(reviewers)]
    if terminal and (len(people) > 1 or not sys.stdin.isatty()):
        raise CommandError(
            "a terminal is for one reviewer, who types",
            "Name one --reviewer, or leave out --terminal for a page that many can use.",
        )
    session = ReviewSession(
        mapping_set,
        _surroundings(settings, hub_path, records, queries, known),
        readers=readers,
        arbiters=[Reviewer.parse(each) for each in arbiters],
        lease_seconds=lease * 60,
    )
    try:
        if terminal:
            from hereditary_kg.cli.review_terminal import read_keys, run_terminal

            with read_keys() as keys:
                run_terminal(session, people[0], open_console(), keys)
        else:
            _serve(settings, session, people, port)
    finally:
        problem = session.close()
    if problem:
        raise CommandError(problem, None, FAILED)


def _surroundings(
    settings: Settings,
    hub_path: Path | None,
    records: tuple[Path, ...],
    queries: Path | None,
    known: tuple[Path, ...],
) -> "Surroundings":
    from hereditary_kg.semantics.record_counts import read_record_counts
    from hereditary_kg.semantics.review.session import Surroundings
    from hereditary_kg.semantics.saved_queries import read_saved_queries
    from hereditary_kg.semantics.sssom import read_mapping_set

    return Surroundings(
        _hub(settings, hub_path),
        read_record_counts(records),
        read_saved_queries(queries) if queries else (),
        [read_mapping_set(each) for each in known],
    )


def _hub(settings: Settings, path: Path | None) -> "Hub":
    """Open the hub that is meant; without one, a page shows what the mapping set says itself."""
    from hereditary_kg.cli.hub_files import open_hub
    from hereditary_kg.semantics.hub import Hub

    if path is None and not Path("hub").is_dir():
        tell(settings, "No hub: neither parents, synonyms nor definitions are shown (--hub HUB).")
        return Hub()
    return open_hub(path)


def _serve(
    settings: Settings, session: "ReviewSession", reviewers: "list[Reviewer]", port: int
) -> None:
    import asyncio

    from hereditary_kg.web.review.service import serve_review

    def announce(addresses: "Mapping[Reviewer, str]") -> None:
        for reviewer, address in addresses.items():
            click.echo(f"{reviewer.text}\t{address}" if len(addresses) > 1 else address)
        sys.stdout.flush()
        total = session.queue.progress(reviewers[0]).total
        tell(settings, f"Reviewing {total:,} pairs of {session.path.name}. Ctrl-C ends it.")

    asyncio.run(serve_review(session, reviewers, port=port, on_ready=announce))
