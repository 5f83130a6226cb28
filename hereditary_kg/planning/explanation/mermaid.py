"""A plan as a Mermaid flow chart."""

from hereditary_kg.planning.explanation.record import Explanation

__all__ = ["draw_mermaid"]

# Between quotation marks Mermaid reads HTML, Markdown, escapes and entities of its own.
_ESCAPES = str.maketrans(
    {
        "#": "#35;",
        "&": "#amp;",
        '"': "#quot;",
        "<": "#lt;",
        ">": "#gt;",
        "`": "#96;",
        "\\": "#92;",
    }
)


def draw_mermaid(explanation: Explanation) -> str:
    """Draw a plan as a Mermaid flow chart: members below, the answer above."""
    lines = ["flowchart BT"]
    steps = explanation.steps()
    numbers = {id(step): number for number, step in enumerate(steps)}
    for number, step in enumerate(steps):
        label = explanation.label(step).translate(_ESCAPES)
        shape = ("[(", ")]") if step.members else ("[", "]")
        lines.append(f'    n{number}{shape[0]}"{label}"{shape[1]}')
    for step in steps:
        lines += [f"    n{numbers[id(b)]} --> n{numbers[id(step)]}" for b in step.steps]
    return "\n".join(lines)
