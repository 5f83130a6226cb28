"""Ask five sites in the user's codes, check every answer, and report: see the package."""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.interconversion.asking import (
    CONVERTED,
    Asked,
    WrongAnswerError,
    ask,
    check,
    convert_phenopackets_to,
    without_conversion,
)
from benchmarks.interconversion.questions import QUESTIONS, Question
from benchmarks.interconversion.raw_files import DATA
from benchmarks.interconversion.raw_oracle import RawOracle
from benchmarks.interconversion.sites import PHENOPACKETS, build_hub, build_sites
from benchmarks.reporting import describe_machine, write_section, write_table
from hereditary_kg import Federation
from hereditary_kg.semantics.hub_files import open_hub

_HEAD = (
    "question",
    "answer",
    "verdict",
    "requests",
    "time",
    "first time",
    "rewriting a member",
)


def build(directory: Path, data: Path) -> tuple[Path, str]:
    """Build sites and hub where there are none; give the description, and what that took."""
    description = directory / "federation.toml"
    if description.is_file():
        return description, "Sites and hub were there already."
    began = time.perf_counter()
    directory.mkdir(parents=True, exist_ok=True)
    hub = build_hub(directory / "hub", data)
    half = time.perf_counter()
    description = build_sites(directory, data)
    size = sum(each.stat().st_size for each in (directory / "hub").iterdir())
    told = (
        f"The hub ({len(hub.mappings):,} mappings, {size / 1e6:.1f} MB) was compiled in "
        f"{half - began:.0f} s, the sites were built in {time.perf_counter() - half:.0f} s."
    )
    return description, told


def measure(
    federation: Federation, question: Question, oracle: RawOracle, repeats: int
) -> tuple[Asked, list[Asked]]:
    """Ask a question once, and then some times more; each answer is checked.

    Raises:
        WrongAnswerError: one is wrong.
    """
    asked = [ask(federation, question) for _ in range(1 + repeats)]
    for each in asked:
        check(question, each, oracle)
    return asked[0], asked[1:]


def describe(question: Question, first: Asked, others: Sequence[Asked]) -> tuple[str, ...]:
    """Sum a question up in a line."""
    median = sorted(others, key=lambda each: each.seconds)[len(others) // 2]
    certificate = median.result.certificate
    rewritten = {report.member for report in certificate.conversions}
    told = f"{1000 * median.rewriting / len(rewritten):.1f} ms" if rewritten else ""
    return (
        question.title,
        "; ".join(_shown(name, figure) for name, figure in question.published.items()),
        certificate.bound.value if certificate.bound else "nothing is converted",
        str(certificate.requests),
        f"{median.seconds:.2f} s",
        f"{first.seconds:.2f} s",
        told,
    )


def _shown(name: str, figure: object) -> str:
    if figure is True:
        return name
    return f"{name} {', '.join(figure) if isinstance(figure, list) else f'{figure:,}'}"


def run(directory: Path, data: Path, repeats: int) -> str:
    """Build, ask, and check.

    Returns:
        The report.

    Raises:
        WrongAnswerError: an answer is wrong; nothing is reported then.
    """
    description, built = build(directory, data)
    oracle = RawOracle(data)
    rows: list[tuple[str, ...]] = []
    with Federation.open(description) as federation, without_conversion(federation) as plain:
        for question in QUESTIONS:
            asked = federation if question.converted else plain
            rows.append(describe(question, *measure(asked, question, oracle, repeats)))
    began = time.perf_counter()
    cases = convert_phenopackets_to(open_hub(directory / "hub"), "NCIT", directory / PHENOPACKETS)
    seconds = time.perf_counter() - began
    if dict(cases) != dict(CONVERTED):
        raise WrongAnswerError(f"A in NCIT: {dict(cases)}, and {dict(CONVERTED)} as published")
    shown = ", ".join(f"{name} {count:,}" for name, count in cases.items())
    converted = f"A's phenopackets, converted into NCIT in {seconds:.1f} s: cases {shown}."
    return "\n\n".join((write_table(_HEAD, rows), converted, built, describe_machine()))


def main() -> int:
    """Measure, and print or write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.interconversion")
    parser.add_argument("--data", type=Path, default=DATA, help="the reference data")
    parser.add_argument("--directory", type=Path, help="where sites and hub are built, and stay")
    parser.add_argument("--repeats", type=int, default=5, help="how often each is asked again")
    parser.add_argument("--markdown", action="store_true", help="write docs/benchmarks.md")
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        parser.error(f"{arguments.data}: there are no reference data")
    if arguments.repeats < 1:
        parser.error("--repeats: at least once")
    with tempfile.TemporaryDirectory() as temporary:
        try:
            directory = arguments.directory or Path(temporary)
            text = run(directory, arguments.data, arguments.repeats)
        except WrongAnswerError as error:
            print(f"Wrong answer, nothing is reported: {error}", file=sys.stderr)
            return 1
    print(text)
    if arguments.markdown:
        write_section("interconversion", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
