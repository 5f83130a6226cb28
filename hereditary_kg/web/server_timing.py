"""The times of an answer as a Server-Timing header, which browsers show and clients can read.

Source: W3C Server Timing, section 3 (a metric's ``dur`` is in milliseconds).
"""

from hereditary_kg.execution.timings import Timings

__all__ = ["TIMING_HEADER", "write_server_timing"]

TIMING_HEADER = "Server-Timing"


def write_server_timing(
    timings: Timings, *, parsing: float = 0.0, waiting: float = 0.0, whole: bool = False
) -> str:
    """Write what is known of the times of an answer.

    >>> write_server_timing(Timings(planning=0.0042))
    'parse;dur=0.0, wait;dur=0.0, plan;dur=4.2, probe;dur=0.0, first-row;dur=0.0'

    Args:
        timings: the engine's.
        parsing: seconds of parsing before the engine got the query.
        waiting: seconds for which the query waited for its turn.
        whole: whether the answer was there as a whole, so that there is a total.

    Returns:
        ``parse``, ``wait`` (for a turn), ``plan``, ``probe`` (waiting for members that planning
        asks: probes and checks of copies), ``first-row`` (from the plan on), and ``total``
        where it is known.
    """
    metrics = {
        "parse": parsing + timings.parsing,
        "wait": waiting,
        "plan": timings.planning,
        "probe": timings.asking,
        "first-row": timings.first_row,
    }
    if whole:
        metrics["total"] = parsing + waiting + timings.total
    return ", ".join(f"{name};dur={1000 * seconds:.1f}" for name, seconds in metrics.items())
