"""Looking for a case that fails, and shrinking it."""

import asyncio
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from tests.fuzzing.case_generation import cases
from tests.fuzzing.cases import Case
from tests.fuzzing.checking import check_case

__all__ = ["find_failure"]


def find_failure(
    number: int, count: int, before_each: Callable[[Case], None] | None = None
) -> tuple[Case, Exception] | None:
    """Run ``count`` cases, the same for the same seed, in one event loop.

    Args:
        number: the seed.
        count: how many cases; shrinking takes more.
        before_each: called with each case before it is run.

    Returns:
        The first failure, shrunk, and what is wrong with it; None if all is well.
    """
    failures: list[tuple[Case, Exception]] = []
    with asyncio.Runner() as runner:

        @seed(number)
        @settings(
            max_examples=count,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
        )
        @given(cases())
        def answers_are_the_same(case: Case) -> None:
            if before_each is not None:
                before_each(case)
            try:
                runner.run(check_case(case))
            except Exception as error:
                failures.append((case, error))
                raise

        try:
            answers_are_the_same()
        except Exception:
            if not failures:
                raise
            # Hypothesis runs the smallest failure once more at the end.
            return failures[-1]
    return None
