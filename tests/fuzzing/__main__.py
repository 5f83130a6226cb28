"""Fuzz without an end: ``python -m tests.fuzzing``.

Progress goes to stderr. The first failure is shrunk, written to a file that the tests replay
(``tests/fuzzing/regressions``), and ends the run with exit code 1. So does a case that takes
longer than the limit; that one is kept as it is.
"""

import argparse
import os
import sys
import time

from tests.fuzzing.workers import fuzz


def main() -> int:
    """Read the command line and fuzz."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description=__doc__)
    parser.add_argument("--cases", type=int, default=0, help="stop after so many (0: never)")
    parser.add_argument("--seed", type=int, default=time.time_ns() // 1_000_000_000 * 1000)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--limit", type=float, default=120.0, help="seconds for one case")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", file=sys.stderr)
    # Frames are small here: threads of Polars would only stand in each other's way.
    os.environ["POLARS_MAX_THREADS"] = "1"
    return fuzz(arguments.cases, arguments.seed, arguments.processes, arguments.limit)


if __name__ == "__main__":
    sys.exit(main())
