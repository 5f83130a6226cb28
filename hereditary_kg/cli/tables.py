"""Tables for people: solutions, certificates, members."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from hereditary_kg.cli.query_layout import shorten_query
from hereditary_kg.cli.term_display import DisplayedTerm, cut_text, display_term

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console
    from rich.table import Table

    from hereditary_kg.execution.certificates import Certificate
    from hereditary_kg.federation.member_status import MemberStatus

__all__ = [
    "MOST_ROWS",
    "cut_plan",
    "make_table",
    "print_certificate",
    "print_solutions",
    "statuses_table",
]

MOST_ROWS = 100
"""Rows that a table of solutions has at most unless the user says otherwise."""

_WIDEST_CELL = 60
_NARROWEST_COLUMN = 6
_GAP = 2


def make_table(*columns: str, right: Iterable[str] = ()) -> "Table":
    """Make an empty table of the house style: no frame, one line below the head.

    Args:
        columns: the heads.
        right: the heads of the columns that are aligned to the right.
    """
    from rich.box import Box
    from rich.table import Table

    # Only the line below the head, and nothing left of the first column.
    box = Box("    \n    \n ── \n    \n    \n    \n    \n    \n")
    table = Table(box=box, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    aligned = set(right)
    for column in columns:
        table.add_column(
            column,
            justify="right" if column in aligned else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    return table


def print_solutions(
    console: "Console",
    frame: "pl.DataFrame",
    prefixes: Mapping[str, str],
    *,
    most_rows: int = MOST_ROWS,
) -> None:
    """Print a solution sequence as a table with a line that counts its rows.

    Args:
        console: where.
        frame: canonical terms.
        prefixes: for short IRIs.
        most_rows: rows shown at most; 0 for all.
    """
    if not frame.width:
        console.print(f"{_count(frame.height, 'row')}, without any variable")
        return
    shown = frame.head(most_rows) if most_rows else frame
    columns = [
        [display_term(cell, prefixes) for cell in shown[name].to_list()] for name in frame.columns
    ]
    _add_languages(columns)
    heads = [f"?{name}" for name in frame.columns]
    table = _solutions_table(heads, columns, console.width)
    console.print(table, soft_wrap=False)
    note = _count(frame.height, "row")
    if shown.height < frame.height:
        note += f", the first {shown.height:,} of them shown; --max-rows 0 shows all"
    console.print(note, style="dim")


def _add_languages(columns: list[list[DisplayedTerm]]) -> None:
    """Write language tags in columns where they tell cells apart."""
    for cells in columns:
        if len({cell.language for cell in cells if cell.language}) > 1:
            cells[:] = [
                DisplayedTerm(f"{cell.text}@{cell.language}") if cell.language else cell
                for cell in cells
            ]


def _solutions_table(
    heads: Sequence[str], columns: Sequence[Sequence[DisplayedTerm]], width: int
) -> "Table":
    from rich.cells import cell_len
    from rich.text import Text

    natural = [
        min(_WIDEST_CELL, max(cell_len(head), *(cell_len(cell.text) for cell in cells), 1))
        for head, cells in zip(heads, columns, strict=True)
    ]
    widths = _fit_widths(natural, width - _GAP * (len(heads) - 1) - 1)
    numeric = [
        any(c.text for c in cells) and all(c.is_number or not c.text for c in cells)
        for cells in columns
    ]
    right = [head for head, is_numeric in zip(heads, numeric, strict=True) if is_numeric]
    table = make_table(*heads, right=right)
    for cells in zip(*columns, strict=True):
        table.add_row(
            *(
                Text(cut_text(cell.text, limit, keep_end=cell.keeps_end))
                for cell, limit in zip(cells, widths, strict=True)
            )
        )
    return table


def _fit_widths(natural: Sequence[int], available: int) -> list[int]:
    """Take from the widest columns until all fit, leaving a few characters to each."""
    widths = list(natural)
    while sum(widths) > available and max(widths) > _NARROWEST_COLUMN:
        widths[widths.index(max(widths))] -= 1
    return widths


def cut_plan(text: str, width: int) -> str:
    """Cut the lines of a plan to a width, keeping the row counts at their ends."""
    return "\n".join(_cut_plan_line(line, width) for line in text.splitlines())


def _cut_plan_line(line: str, width: int) -> str:
    if len(line) <= width:
        return line
    words, gap, sizes = line.rpartition("  [")
    if not gap:
        return cut_text(line, width)
    return cut_text(words, width - len(gap + sizes)) + gap + sizes


def certificate_table(certificate: "Certificate") -> "Table":
    """Make the table of who was asked how much."""
    table = make_table("member", "standing", "requests", "rows", "bytes", "ms", right=_MEASURES)
    for member in certificate.members:
        table.add_row(
            member.name,
            member.standing,
            f"{member.requests:,}",
            f"{member.rows:,}",
            f"{member.bytes:,}",
            f"{member.milliseconds:,.0f}",
        )
    return table


_MEASURES = ("requests", "rows", "bytes", "ms")


def requests_table(certificate: "Certificate", prefixes: Mapping[str, str], width: int) -> "Table":
    """Make the table of what each member was asked, the queries cut to one line each."""
    table = make_table("member", "for", "rows", "ms", "query", right=("rows", "ms"))
    names = max((len(member.name) for member in certificate.members), default=0)
    room = max(30, width - names - 30)
    for member in certificate.members:
        for record in member.records:
            table.add_row(
                member.name,
                record.purpose,
                f"{record.rows:,}",
                f"{1000 * record.seconds:,.0f}",
                cut_text(shorten_query(record.query, prefixes), room),
            )
    return table


def print_certificate(
    console: "Console",
    certificate: "Certificate",
    prefixes: Mapping[str, str],
    *,
    with_requests: bool = False,
) -> None:
    """Print who was asked how much, what failed, and what the answer is worth.

    Args:
        console: where.
        certificate: the certificate.
        prefixes: for short IRIs.
        with_requests: whether each request is listed as well.
    """
    console.print()
    console.print(certificate_table(certificate))
    if with_requests:
        console.print()
        console.print(requests_table(certificate, prefixes, console.width))
    for member in certificate.members:
        if member.error:
            console.print(f"{member.name}: {member.error}", soft_wrap=True)
    console.print(
        f"{certificate.statement} {_count(certificate.requests, 'request')}, "
        f"{certificate.milliseconds:,.0f} ms.",
        soft_wrap=True,
    )


def statuses_table(statuses: Iterable["MemberStatus"]) -> "Table":
    """Make the table of a federation's members as a check found them."""
    table = make_table(
        "member", "up", "ms", "triples", "profile", "software", "address", right=("ms", "triples")
    )
    for status in statuses:
        table.add_row(
            status.name,
            "yes" if status.up else "no",
            "" if status.milliseconds is None else f"{status.milliseconds:,.0f}",
            "" if status.triples is None else f"{status.triples:,}",
            status.profile if status.up else "",
            status.software or "",
            status.address,
        )
    return table


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
