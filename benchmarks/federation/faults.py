"""Faults as they are written on the command line: ``MEMBER=KIND:ARGUMENT``.

==================  ===========================================================
``status:503``      every request is answered with that status
``status:503/3``    every third request is
``cap:100``         answers end after so many rows, and nothing says so
``cut:1000``        the connection breaks after so many bytes of an answer
``delay:0.5``       answers come so many seconds later
==================  ===========================================================

Every kind but ``delay`` takes ``/N``: only every Nth request is affected.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import replace

from benchmarks.federation.proxy import Fault

__all__ = ["FAULT_HELP", "read_fault"]

FAULT_HELP = (
    "what goes wrong at a member: status:503, cap:100 (rows, in silence), cut:1000 (bytes), "
    "delay:0.5 (seconds); with /3 at every third request only; repeatable"
)

_KINDS: Mapping[str, Callable[[str], Fault]] = {
    "status": lambda argument: Fault(status=int(argument)),
    "cap": lambda argument: Fault(row_cap=int(argument)),
    "cut": lambda argument: Fault(cut_after=int(argument)),
    "delay": lambda argument: Fault(delay=float(argument)),
}


def read_fault(text: str) -> tuple[str, Fault]:
    """Read one fault: the member's name and what goes wrong there.

    Raises:
        argparse.ArgumentTypeError: it is not of that form.
    """
    name, _, fault = text.partition("=")
    kind, _, argument = fault.partition(":")
    amount, divided, every = argument.partition("/")
    try:
        made = _KINDS[kind](amount)
        made = replace(made, every=int(every)) if divided else made
    except (KeyError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not MEMBER=KIND:ARGUMENT") from error
    if not name or made.every < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not MEMBER=KIND:ARGUMENT")
    return name, made
