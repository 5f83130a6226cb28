"""Runs the whole suite and writes its results: ``python -m tests.conformance.report``.

Ends with 1 where a case is neither right nor one of the known differences.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.conformance.cases import deals_of, judge
from tests.conformance.deals import DEALS, GRAPH_DEALS
from tests.conformance.differences import DIFFERENCES
from tests.conformance.manifests import (
    ABSENT,
    QUERY_TESTS,
    ROOT,
    read_evaluation_tests,
    test_kinds,
)

__all__ = ["PAGE", "main", "write_page"]

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"

_RIGHT, _AS_OXIGRAPH, _WRONG = "right", "as Oxigraph", "wrong"
Outcomes = Mapping[str, Counter[str]]

_INTRODUCTION = """\
# Conformance

The W3C's tests of SPARQL 1.0 and 1.1 that evaluate a query, and those of the result formats CSV,
TSV and JSON, with the data of each test dealt over the members of a federation. Each answer is
compared with the manifest's, and each case runs twice, with the optimiser's rules and without
them; a case counts as right only where both answers are. This page is written by the run:

```
python -m tests.conformance.report
```

The suite is that of [w3c/rdf-tests](https://github.com/w3c/rdf-tests/tree/main/sparql), read from
`../shared/w3c-sparql`. `pytest tests/conformance` holds the same against every case.
"""

_DEALING = """\
Named graphs are dealt as the default graph is. Triples that share blank nodes stay together on one
member and are never replicated, because a blank node is scoped to its member. The endpoints that
the SERVICE tests name are services of the federation, and may call one another.
"""

_COMPARISON = """\
## How answers are compared

Solutions compare as multisets, in their order where the query has ORDER BY and the expected answer
an order (a sequence of results, or `rs:index`), as sets where the manifest allows it (REDUCED).
Blank nodes compare up to one renaming for the whole answer, graphs up to isomorphism. Answers of
the result format tests are written by `hereditary_kg.rdf.result_writing` and read back by
pyoxigraph before they are compared; of CSV, which has no types, the text of each cell counts,
numbers by value.

The members' stores keep the value of numbers, booleans and dates and not how they were written.
Literals therefore compare in the form in which a store keeps them (`"01"^^xsd:integer` as `1`,
`"-3"^^xsd:negativeInteger` as the integer). Where a test turns on the lost form it is an exception
above.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the suite and write the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.report", description=__doc__)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--output", type=Path, default=PAGE, help="the page to write")
    options = parser.parse_args(arguments)
    if not ROOT.is_dir():
        print(ABSENT, file=sys.stderr)
        return 1
    names = [test.name for test in read_evaluation_tests()]
    with ProcessPoolExecutor(options.jobs) as pool:
        outcomes = dict(zip(names, pool.map(_evaluate, names, chunksize=4), strict=True))
    options.output.write_text(write_page(outcomes), encoding="utf-8")
    unexpected = unexpected_outcomes(outcomes)
    print("\n".join(unexpected) or "Every case is right or a known difference.", file=sys.stderr)
    return 1 if unexpected else 0


def _evaluate(name: str) -> Counter[str]:
    (test,) = (test for test in read_evaluation_tests() if test.name == name)
    outcomes: Counter[str] = Counter()
    for deal in deals_of(test):
        try:
            verdict = judge(test, deal)
        except Exception as error:
            print(f"{name}, {deal}: {type(error).__name__}: {error}", file=sys.stderr)
            outcomes[_WRONG] += 1
            continue
        if verdict.right and verdict.same_both_ways:
            outcomes[_RIGHT] += 1
        elif verdict.as_oxigraph and verdict.same_both_ways:
            outcomes[_AS_OXIGRAPH] += 1
        else:
            outcomes[_WRONG] += 1
    return outcomes


def unexpected_outcomes(outcomes: Outcomes) -> list[str]:
    """Give a line for each test that did not go as it should."""
    lines = []
    for name, counts in outcomes.items():
        allowed = _AS_OXIGRAPH if name in DIFFERENCES else _RIGHT
        if set(counts) != {allowed}:
            lines.append(f"{name}: {dict(counts)}")
    return lines


def write_page(outcomes: Outcomes) -> str:
    """Write the page from the outcomes of each test's cases, by the test's name."""
    return "\n".join(
        (_INTRODUCTION, _deals(), _table(outcomes), _exceptions(outcomes), _COMPARISON, _left_out())
    )


def _deals() -> str:
    lines = [f"- **{deal}**: {deal.account}" for deal in DEALS]
    graphs = [f"- **{deal}**: {deal.account}" for deal in GRAPH_DEALS]
    text = "Of tests with named graphs (`qt:graphData`, FROM, FROM NAMED) also:"
    return "\n".join(("## Deals", "", *lines, "", text, "", *graphs, "", _DEALING))


def _table(outcomes: Outcomes) -> str:
    folders: dict[str, Counter[str]] = {}
    for name, counts in outcomes.items():
        folder = folders.setdefault(name.rpartition("/")[0], Counter())
        folder.update(counts)
        folder["tests"] += 1
    total: Counter[str] = sum(folders.values(), Counter())
    rows = [(folder, folders[folder]) for folder in sorted(folders)] + [("**all**", total)]
    lines = [
        "## Results",
        "",
        "A case is a test under a deal.",
        "",
        "| folder | tests | cases | right | as Oxigraph, not as the manifest | wrong |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for folder, counts in rows:
        cases = sum(counts[outcome] for outcome in (_RIGHT, _AS_OXIGRAPH, _WRONG))
        cells = (counts["tests"], cases, *(counts[o] for o in (_RIGHT, _AS_OXIGRAPH, _WRONG)))
        lines.append(f"| {folder} | {' | '.join(str(cell) for cell in cells)} |")
    return "\n".join((*lines, ""))


def _exceptions(outcomes: Outcomes) -> str:
    reasons: dict[str, list[str]] = {}
    for name, counts in outcomes.items():
        if set(counts) != {_RIGHT}:
            reason = DIFFERENCES.get(name, "**Not known yet: a fault of this software.**")
            reasons.setdefault(reason, []).append(name)
    lines = [
        "## Exceptions",
        "",
        "Oxigraph, which evaluates at the members and at the mediator, differs from the manifest",
        "in these tests over one store of all data. The federation gives Oxigraph's answer under",
        "every deal.",
        "",
    ]
    for reason, names in reasons.items():
        lines += [f"- {reason}", *(f"  - `{name}`" for name in names)]
    return "\n".join((*lines, ""))


def _left_out() -> str:
    kinds: Counter[str] = Counter()
    for (folder, kind), count in test_kinds().items():
        if folder == "sparql11/entailment":
            kinds["entailment regimes (another semantics of the basic graph pattern)"] += count
        elif kind not in QUERY_TESTS:
            kinds[_reason(folder, kind)] += count
    lines = [f"- {reason}: {count} tests" for reason, count in sorted(kinds.items())]
    return "\n".join(("## Left out", "", *lines, ""))


def _reason(folder: str, kind: str) -> str:
    if "Update" in kind or "delete" in folder:
        return "SPARQL Update (the federation only reads)"
    if "Syntax" in kind:
        return "query syntax (nothing to deal; `tests/sparql/test_w3c_texts.py` runs it)"
    return "protocol, service description, graph store protocol (no queries over data)"


if __name__ == "__main__":
    sys.exit(main())
