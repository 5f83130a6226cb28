"""Measurements of the engine and its services beside other ways of doing the same.

Each script checks the answers before it prints a time. Run them from the project's root, such
as ``python -m benchmarks.scan_throughput``; the figures stand in ``docs/benchmarks.md``.
"""
