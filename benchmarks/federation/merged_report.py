"""Times beside those of one store that holds everything: what federation costs, query by query."""

import statistics
from collections.abc import Iterable, Sequence

from benchmarks.federation.checking import Verdict
from benchmarks.federation.measurement import Measurement
from benchmarks.reporting import write_table

__all__ = ["MERGED", "write_beside_merged"]

MERGED = "merged"
"""The engine that is one merged store."""

TIMES_AS_LONG = 5
REQUESTS = 20
"""The targets: at most so many times as long, and fewer requests to each member."""

_NOTHING = "-"


def write_beside_merged(measurements: Sequence[Measurement], engine: str) -> str:
    """Write a row a template, and how many queries keep to the targets.

    Args:
        measurements: an engine's and the merged store's, of the same queries. Wrong answers
            have no time, and of a query asked several times the median counts.
        engine: the engine.

    Returns:
        Nothing if the merged store did not run.
    """
    own, merged = (
        [each for each in measurements if each.engine == name] for name in (engine, MERGED)
    )
    if not own or not merged or engine == MERGED:
        return ""
    times, merged_times = _medians(own), _medians(merged)
    ratios = {query: times[query] / merged_times[query] for query in times.keys() & merged_times}
    rows = []
    for template in dict.fromkeys(each.template for each in own):
        asked = [each for each in own if each.template == template]
        queries = {each.query for each in asked}
        longest = max((ratios[query] for query in queries & ratios.keys()), default=None)
        rows.append(
            [
                template,
                _milliseconds(times[query] for query in queries & times.keys()),
                _milliseconds(merged_times[query] for query in queries & merged_times.keys()),
                _NOTHING if longest is None else f"{longest:.1f}",
                str(max(each.traffic.most for each in asked)),
            ]
        )
    head = ["template", engine, "merged store", "longest ratio", "most requests to a member"]
    quick = sum(ratio <= TIMES_AS_LONG for ratio in ratios.values())
    most: dict[str, int] = {}
    for each in own:
        most[each.query] = max(most.get(each.query, 0), each.traffic.most)
    sparing = sum(requests < REQUESTS for requests in most.values())
    verdict = (
        f"{quick} of {len(most)} queries take at most {TIMES_AS_LONG} times as long as on one "
        f"merged store, and {sparing} send fewer than {REQUESTS} requests to each member."
    )
    return f"{write_table(head, rows)}\n\n{verdict}"


def _medians(measurements: Iterable[Measurement]) -> dict[str, float]:
    """Give the median time of each query that was answered right every time."""
    times: dict[str, list[float]] = {}
    wrong: set[str] = set()
    for each in measurements:
        if each.verdict is Verdict.RIGHT and each.seconds is not None:
            times.setdefault(each.query, []).append(each.seconds)
        else:
            wrong.add(each.query)
    return {query: statistics.median(found) for query, found in times.items() if query not in wrong}


def _milliseconds(seconds: Iterable[float]) -> str:
    known = list(seconds)
    return f"{statistics.geometric_mean(known) * 1000:,.1f} ms" if known else _NOTHING
