"""Tables for people: solutions, certificates, members."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from hereditary_kg.cli.query_layout import summarise_query
from hereditary_kg.cli.term_display import DisplayedTerm, cut_text, display_term

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console
    from rich.table import Table

    from hereditary_kg.execution.certificates import Certificate
    from hereditary_kg.federation.member_status import MemberStatus
    from hereditary_kg.federation.request_log import RequestRecord

__all__ = [
    "MOST_ROWS",
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


def make_table(*columns: str, right: Iterable[str] = (), folded: str | None = None) -> "Table":
    """Make an empty table of the house style: no frame, one line below the head.

    Args:
        columns: the heads.
        right: the heads of the columns that are aligned to the right.
        folded: the head of the column that takes more lines where the table is too wide; the
            others keep their width as long as possible.
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
            no_wrap=column != folded,
            overflow="fold" if column == folded else "ellipsis",
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


def _certificate_table(certificate: "Certificate") -> "Table":
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


def _print_requests(
    console: "Console", certificate: "Certificate", prefixes: Mapping[str, str]
) -> None:
    """Print what was asked, once, and what came of it at each member that was asked."""
    asked: dict[str, dict[str, list[RequestRecord]]] = {}
    for member in certificate.members:
        for record in member.records:
            words = f"{record.purpose}: {summarise_query(record.query, prefixes)}"
            asked.setdefault(words, {}).setdefault(member.name, []).append(record)
    for words, by_member in asked.items():
        console.print(cut_text(words, console.width))
        told = "; ".join(_sum_up(name, records) for name, records in by_member.items())
        console.print(f"    {told}", style="dim", soft_wrap=True)


def _sum_up(member: str, records: "Sequence[RequestRecord]") -> str:
    times = sum(record.attempts for record in records)
    rows = sum(record.rows for record in records)
    milliseconds = 1000 * sum(record.seconds for record in records)
    repeated = f"{times:,} requests, " if times != 1 else ""
    return f"{member} {repeated}{_count(rows, 'row')}, {milliseconds:,.0f} ms"


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
    console.print(_certificate_table(certificate))
    if with_requests and certificate.requests:
        console.print()
        _print_requests(console, certificate, prefixes)
        console.print()
    for member in certificate.members:
        if member.error:
            console.print(f"{member.name}: {member.error}", soft_wrap=True)
    for note in certificate.notes:
        console.print(f"Note: {note}", soft_wrap=True)
    console.print(
        f"{certificate.statement} {_count(certificate.requests, 'request')}, "
        f"{certificate.milliseconds:,.0f} ms.",
        soft_wrap=True,
    )


def statuses_table(statuses: Iterable["MemberStatus"]) -> "Table":
    """Make the table of a federation's members as a check found them."""
    columns = ("member", "up", "ms", "triples", "profile", "software", "address")
    table = make_table(*columns, right=("ms", "triples"), folded="address")
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
