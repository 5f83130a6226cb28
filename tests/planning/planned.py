"""The plans of the golden queries over a small federation that never changes.

Prints them; ``python -m tests.planning.planned --write`` writes them beside the queries. Look
at every difference before you commit it.
"""

import sys
from pathlib import Path

import pyoxigraph as ox

from hereditary_kg.planning.explanation import explain_plan
from hereditary_kg.planning.members import MemberView
from hereditary_kg.planning.physical import build_plan
from hereditary_kg.planning.rules import apply_rules
from hereditary_kg.planning.sources import select_sources
from hereditary_kg.sites.profiling import profile_store
from hereditary_kg.sparql.parsing import parse_query

PLANS = Path(__file__).parent / "golden" / "plans"
NAMESPACE = "http://example.org/"


def _clinic():
    for n in range(200):
        yield f":p{n} a :Patient ; :age {20 + n % 60} ; :diagnosis :d{n % 40} ; :name 'P{n}' ."


def _registry():
    for n in range(500):
        yield f":d{n} a :Disease ; :gene :g{n % 90} ; :mode 'dominant' ; :name 'D{n}' ."
        yield f":d{n} :broader :d{n // 2} ."


def _cohort():
    for n in range(1000):
        yield f":v{n} a :Visit ; :about :d{n % 70} ; :on '2020-01-01' ."
    for n in range(70):
        yield f":d{n} :name 'D{n}' ; :broader :d{n // 3} ."


def members():
    """Give the three members: the cohort names some diseases as the registry does."""
    views = []
    for name, lines in {"clinic": _clinic(), "registry": _registry(), "cohort": _cohort()}.items():
        store = ox.Store()
        document = f"@prefix : <{NAMESPACE}> .\n" + "\n".join(lines)
        store.load(document.encode(), format=ox.RdfFormat.TURTLE)
        views.append(MemberView(name, profile_store(store, "1")))
    return views


def plan_text(text, views, *, optimise=True):
    """Write the plan of a query."""
    query = parse_query(text)
    sources = select_sources(query, views)
    pattern = apply_rules(query.pattern, sources) if optimise else query.pattern
    node = build_plan(pattern, sources, optimise=optimise)
    return explain_plan(node, prefixes={"": NAMESPACE}).to_text() + "\n"


def plans():
    """Give the plan of each golden query by its name."""
    views = members()
    paths = sorted(PLANS.glob("*.rq"))
    return {path.stem: plan_text(path.read_text(), views) for path in paths}


if __name__ == "__main__":
    for name, text in plans().items():
        if "--write" in sys.argv:
            (PLANS / f"{name}.txt").write_text(text)
        sys.stdout.write(f"# {name}\n{text}\n")
