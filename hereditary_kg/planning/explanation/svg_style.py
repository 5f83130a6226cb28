"""Colours and letters of a plan's picture, for light and dark surroundings."""

__all__ = ["COLOURS", "PLAN_STYLE"]

# Hues far from each other, each with what it is on white and on black.
_PALETTE = (
    ("#0b7285", "#3bc9db"),
    ("#c2410c", "#fb923c"),
    ("#6d28d9", "#b197fc"),
    ("#2b8a3e", "#69db7c"),
    ("#be185d", "#f783ac"),
    ("#1d4ed8", "#74a8ff"),
    ("#92700c", "#ffd43b"),
    ("#5f3dc4", "#d0bfff"),
    ("#087f5b", "#38d9a9"),
    ("#a61e4d", "#ffa8c5"),
    ("#495057", "#ced4da"),
    ("#7c4a1e", "#e8b58b"),
)

COLOURS = len(_PALETTE)
"""How many members have colours of their own; the next one begins again."""


def _fills(dark: bool) -> str:
    return "".join(f".plan .m{n}{{fill:{pair[dark]}}}" for n, pair in enumerate(_PALETTE))


PLAN_STYLE = (
    ".plan{font-family:system-ui,sans-serif;font-size:13px}"
    ".plan .back{fill:#ffffff}"
    ".plan .card{fill:#f6f7f8;stroke:#c9ced3}"
    ".plan .asks{fill:#ffffff}"
    ".plan .edge{fill:none;stroke:#9aa2aa}"
    ".plan .idle{stroke-dasharray:4 4}"
    ".plan .mediator{fill:#9aa2aa}"
    ".plan text{fill:#1b1f24}"
    ".plan .soft{fill:#59626b;font-size:12px}"
    ".plan .code{font-family:ui-monospace,monospace;font-size:11.5px}"
    ".plan .name{font-size:11.5px;fill:#ffffff}"
    ".plan .title{font-weight:600}"
    ".plan .off{fill:#b3261e;font-weight:600}"
    + _fills(dark=False)
    + "@media (prefers-color-scheme:dark){"
    ".plan .back{fill:#15181b}"
    ".plan .card{fill:#22272b;stroke:#454c53}"
    ".plan .asks{fill:#1b1f23}"
    ".plan .edge{stroke:#7d868e}"
    ".plan .mediator{fill:#7d868e}"
    ".plan text{fill:#e6e9ec}"
    ".plan .soft{fill:#a4adb5}"
    ".plan .name{fill:#101214}"
    ".plan .off{fill:#ff8a80}" + _fills(dark=True) + "}"
)
"""The style sheet; it is the same in every picture, so that a page can allow it by its hash."""
