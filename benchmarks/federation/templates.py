"""Benchmarks, their query templates, and the instances drawn from them."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import Template as _Text
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    import pyoxigraph as ox

__all__ = ["Benchmark", "BenchmarkQuery", "Template", "draw_queries"]


@dataclass(frozen=True)
class Template:
    """A query with places for constants.

    Attributes:
        name: its short name, such as ``S01``.
        title: what it asks, in a few words.
        text: SPARQL 1.1 without SERVICE; ``$name`` stands where a term goes, ``$$`` for a
            dollar sign.
        candidates: a SELECT over the merged store; its variables are the places, each
            solution is a possible instance. Empty where there are no places: the template
            has one instance then.
        ordered: whether the order of rows is part of the answer. It must be total then.
        may_be_empty: whether instances without an answer are drawn as well.
    """

    name: str
    title: str
    text: str
    candidates: str = ""
    ordered: bool = False
    may_be_empty: bool = False


@dataclass(frozen=True)
class BenchmarkQuery:
    """An instance of a template.

    Attributes:
        name: the template's name and a number, such as ``S01-3``.
        template: the template's name.
        text: the query.
        ordered: whether the order of rows is part of the answer.
    """

    name: str
    template: str
    text: str
    ordered: bool


class Benchmark(Protocol):
    """Data of members, and queries over them.

    Attributes:
        name: its name on the command line and in ``docs/benchmarks.md``.
        templates: its query templates.
        scale: how large its members are, in multiples of the usual size.
        shared_namespaces: namespaces whose IRIs name no individual of one member; profiles
            may speak of them in clear.
    """

    name: str
    templates: tuple[Template, ...]
    scale: float
    shared_namespaces: tuple[str, ...]

    def members(self, count: int, seed: int) -> Iterator[tuple[str, list[str]]]:
        """Generate the members: a name (letters, digits, hyphens) and lines each.

        The lines are N-Triples, or N-Quads where there are named graphs, each with its line
        end. The same arguments always give the same lines. No blank nodes: their labels would
        meet in the merged store.
        """
        ...


def draw_queries(
    store: "ox.Store", templates: Sequence[Template], instances: int, seed: int
) -> Iterator[BenchmarkQuery]:
    """Draw instances of templates whose answers over the merged store have rows.

    Args:
        store: the merged store.
        templates: the templates.
        instances: how many of each.
        seed: the draw is the same for the same seed and data.

    Yields:
        The queries, template by template.

    Raises:
        ValueError: a template has too few instances with an answer.
    """
    for template in templates:
        drawn = 0
        for values in _shuffle_candidates(store, template, seed):
            text = _Text(template.text).substitute(values)
            if not template.may_be_empty and not _has_answer(store, text):
                continue
            drawn += 1
            yield BenchmarkQuery(f"{template.name}-{drawn}", template.name, text, template.ordered)
            if drawn == instances:
                break
        if drawn < instances and template.candidates:
            raise ValueError(
                f"template {template.name} has {drawn} instances with an answer and not "
                f"{instances}; generate more data, or loosen its candidates"
            )


def _shuffle_candidates(
    store: "ox.Store", template: Template, seed: int
) -> Iterator[dict[str, str]]:
    if not template.candidates:
        yield {}
        return
    solutions = cast("ox.QuerySolutions", store.query(template.candidates))
    names = [variable.value for variable in solutions.variables]
    rows = sorted({tuple(str(solution[name]) for name in names) for solution in solutions})
    random.Random(f"{template.name} {seed}").shuffle(rows)
    for row in rows:
        yield dict(zip(names, row, strict=True))


def _has_answer(store: "ox.Store", text: str) -> bool:
    return next(iter(cast("ox.QuerySolutions", store.query(text))), None) is not None
