"""Draw the floors of the package, measured from its own imports, for docs/architecture.md.

``python docs/draw_architecture.py`` writes docs/architecture.svg; with ``--check`` it only says
whether the file is what the code would give.
"""

import ast
import sys
from collections import Counter
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "hereditary_kg"
PICTURE = ROOT / "docs" / "architecture.svg"
FLOORS = (
    "cli",
    "web",
    "embeddings",
    "execution",
    "planning",
    "semantics",
    "federation",
    "sites",
    "sparql",
    "rdf",
)

_WIDTH, _HEIGHT, _GAP, _LEFT, _TOP = 560, 74, 26, 24, 20
_COLOURS = (
    "#e8eef7",
    "#e4f1ec",
    "#eaf5e2",
    "#fbeee6",
    "#fdf6e3",
    "#f8ecd8",
    "#f3e9f2",
    "#f3e9f2",
    "#eef1f4",
    "#f7f7f5",
)


def read_purpose(package: Path) -> str:
    """Give the first line of a package's docstring, without its floor."""
    text = ast.get_docstring(ast.parse((package / "__init__.py").read_text("utf-8"))) or ""
    return text.partition("\n")[0].partition(": ")[2].rstrip(".") or text.partition("\n")[0]


def count_imports() -> Counter[tuple[str, str]]:
    """Count, for each pair of floors, the modules of the first that import from the second."""
    found: Counter[tuple[str, str]] = Counter()
    for floor in FLOORS:
        for module in sorted((PACKAGE / floor).rglob("*.py")):
            tree = ast.parse(module.read_text("utf-8"))
            names = {
                node.module.split(".")[1]
                for node in ast.walk(tree)
                if isinstance(node, ast.ImportFrom)
                and node.module
                and node.module.startswith("hereditary_kg.")
            }
            found.update((floor, name) for name in names if name != floor and name in FLOORS)
    return found


def draw() -> str:
    """Give the picture as SVG."""
    imports = count_imports()
    top = {floor: _TOP + i * (_HEIGHT + _GAP) for i, floor in enumerate(FLOORS)}
    height = _TOP * 2 + len(FLOORS) * (_HEIGHT + _GAP) - _GAP
    width = _LEFT + _WIDTH + 250
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" font-family="sans-serif" role="img" '
            'aria-label="The floors of hereditary_kg and the imports between them">'
        ),
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        (
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" '
            'markerHeight="9" markerUnits="userSpaceOnUse" orient="auto">'
            '<path d="M0 0 L8 4 L0 8 z" fill="#667"/></marker></defs>'
        ),
    ]
    for floor, colour in zip(FLOORS, _COLOURS, strict=True):
        y = top[floor]
        modules = [m.stem for m in (PACKAGE / floor).rglob("*.py") if m.stem != "__init__"]
        purpose = read_purpose(PACKAGE / floor)
        lines += [
            (
                f'<rect x="{_LEFT}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6" '
                f'fill="{colour}" stroke="#99a"/>'
            ),
            (
                f'<text x="{_LEFT + 16}" y="{y + 30}" font-size="17" font-weight="bold">'
                f"{floor}/</text>"
            ),
            (
                f'<text x="{_LEFT + _WIDTH - 16}" y="{y + 30}" font-size="12" fill="#667" '
                f'text-anchor="end">{len(modules)} modules</text>'
            ),
            f'<text x="{_LEFT + 16}" y="{y + 54}" font-size="13">{escape(purpose)}</text>',
        ]
    for (upper, lower), number in sorted(imports.items()):
        start, end = FLOORS.index(upper), FLOORS.index(lower)
        x = _LEFT + _WIDTH
        y1 = top[upper] + _HEIGHT * 0.62
        y2 = top[lower] + _HEIGHT * (0.2 + 0.1 * (start % 4))
        reach = x + 18 + 26 * abs(end - start)
        stroke = min(1 + number / 6, 4)
        lines.append(
            f'<path d="M{x} {y1:.0f} C{reach} {y1:.0f} {reach} {y2:.0f} {x + 3} {y2:.0f}" '
            f'fill="none" stroke="#667" stroke-width="{stroke:.1f}" stroke-opacity="0.55" '
            f'marker-end="url(#head)"><title>{number} modules of {upper}/ import {lower}/</title>'
            "</path>"
        )
    return "\n".join([*lines, "</svg>\n"])


def main() -> int:
    """Write the picture, or check it."""
    picture = draw()
    if "--check" in sys.argv[1:]:
        if PICTURE.read_text("utf-8") == picture:
            return 0
        sys.stderr.write("docs/architecture.svg is not what the code gives: run `make picture`.\n")
        return 1
    PICTURE.write_text(picture, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
