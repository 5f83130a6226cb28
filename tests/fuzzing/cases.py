"""A case: what each member holds, and a query; kept as JSON."""

import json
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Case", "read_case", "write_case"]


@dataclass(frozen=True)
class Case:
    """One input of the differential test.

    Attributes:
        members: for each member its N-Quads, a line each; blank node labels are its own.
        query: the query's text.
        why: what the case is kept for; empty while nobody knows.
    """

    members: tuple[tuple[str, ...], ...]
    query: str
    why: str = ""

    def __str__(self) -> str:
        lines = [self.query]
        for number, quads in enumerate(self.members):
            lines += [f"m{number}:", *(f"    {quad}" for quad in quads)]
        return "\n".join(lines)


def read_case(path: Path) -> Case:
    """Read a kept case."""
    fields = json.loads(path.read_text(encoding="utf-8"))
    members = tuple(tuple(fields["members"][name]) for name in sorted(fields["members"]))
    return Case(members, fields["query"], fields["why"])


def write_case(case: Case, path: Path) -> None:
    """Keep a case."""
    fields = {
        "why": case.why,
        "query": case.query,
        "members": {f"m{number}": list(quads) for number, quads in enumerate(case.members)},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(fields, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
