"""What follows from mappings, and where they contradict each other.

SSSOM's chain rules, for ``skos:exactMatch`` (E), ``skos:broadMatch`` (B) and ``skos:narrowMatch``
(N): E and B and N are transitive (T1), E before or after B or N leaves them (RCE1, RCE2), B and N
are each other's inverse (RI1, RI2), and OWL's and RDFS' predicates count as the SKOS ones that they
imply (RG1, RG2). After B no N follows, nor the other way. Close and related matches and
cross-references lead nowhere. What is not so stays not so for what is the same: not E after E is
not E.

Source: https://mapping-commons.github.io/sssom/chaining-rules/.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import networkx as nx
import polars as pl

from hereditary_kg.semantics.findings import Finding, Kind
from hereditary_kg.semantics.hub import BROAD, EXACT, GENERALISED, MAPPINGS, NARROW
from hereditary_kg.semantics.terminology import EDGES, Terminology

__all__ = ["Chains", "contradictions", "generalised"]

_INVERSE = {EXACT: EXACT, BROAD: NARROW, NARROW: BROAD}

_AFTER: Mapping[tuple[str, str], str] = {
    (EXACT, EXACT): EXACT,
    (EXACT, BROAD): BROAD,
    (BROAD, EXACT): BROAD,
    (BROAD, BROAD): BROAD,
    (EXACT, NARROW): NARROW,
    (NARROW, EXACT): NARROW,
    (NARROW, NARROW): NARROW,
}
"""What two steps make together; pairs that are not here lead nowhere."""


def generalised(mappings: pl.DataFrame) -> pl.DataFrame:
    """Give mappings with the SKOS predicates that theirs imply; others stay as they are."""
    return mappings.with_columns(pl.col("predicate").replace(GENERALISED))


@dataclass(frozen=True, slots=True)
class _State:
    """A term that was reached, what it is to the start, and how it was reached."""

    term: str
    predicate: str
    rows: tuple[int, ...]


class Chains:
    """Mappings that follow from others, found as they are asked for.

    Args:
        mappings: what is asserted; see `MAPPINGS` of the hub.
    """

    def __init__(self, mappings: pl.DataFrame) -> None:
        self.mappings = generalised(mappings)
        self._columns = {name: self.mappings[name].to_list() for name in MAPPINGS}
        self._steps: dict[str, list[tuple[str, str, int]]] = {}
        columns = (self._columns[name] for name in ("subject", "predicate", "object"))
        for row, (subject, predicate, target) in enumerate(zip(*columns, strict=True)):
            if predicate in _INVERSE:
                self._steps.setdefault(subject, []).append((target, predicate, row))
                self._steps.setdefault(target, []).append((subject, _INVERSE[predicate], row))

    def between(self, subjects: str, objects: str) -> pl.DataFrame:
        """Infer the mappings between two vocabularies that are not asserted.

        Args:
            subjects: the vocabulary of the subjects.
            objects: the vocabulary of the objects.

        Returns:
            As `MAPPINGS`: the justification is ``semapv:MappingChaining``, ``source`` names all
            mappings that one was inferred from, the confidence is the product of theirs (null
            where one has none), and author, reviewer and licence are all of theirs.
        """
        starts = sorted(term for term in self._steps if term.startswith(f"{subjects}:"))
        rows = [row for term in starts for row in self.of(term, objects)]
        return pl.DataFrame(rows, schema=MAPPINGS, orient="row")

    def of(self, term: str, vocabulary: str) -> Iterator[tuple[object, ...]]:
        """Infer the mappings of one term to a vocabulary, as rows of `MAPPINGS`."""
        start = f"{vocabulary}:"
        best: dict[str, _State] = {}
        for state in self._reached(term):
            if state.term.startswith(start) and state.term != term:
                first = best.setdefault(state.term, state)
                # That it is the same says more than that it is broader or narrower.
                if state.predicate == EXACT and first.predicate != EXACT:
                    best[state.term] = state
        for name in sorted(best):
            if len(best[name].rows) > 1:
                yield self._inferred(term, best[name])

    def _reached(self, term: str) -> Iterator[_State]:
        """Go along steps, the shortest ways first; each term once as E, as B and as N."""
        seen = {(term, EXACT)}
        waiting = deque([_State(term, EXACT, ())])
        while waiting:
            state = waiting.popleft()
            yield state
            for end, predicate, row in self._steps.get(state.term, ()):
                together = _AFTER.get((state.predicate, predicate))
                if together and (end, together) not in seen:
                    seen.add((end, together))
                    waiting.append(_State(end, together, (*state.rows, row)))

    def _inferred(self, term: str, state: _State) -> tuple[object, ...]:
        confidences = [self._columns["confidence"][row] for row in state.rows]
        confidence: float | None = 1.0
        for each in confidences:
            confidence = None if confidence is None or each is None else confidence * each
        return (
            term,
            state.predicate,
            state.term,
            "semapv:MappingChaining",
            confidence,
            self._all("author", state.rows),
            self._all("reviewer", state.rows),
            self._all("source", state.rows, " "),
            self._all("licence", state.rows),
        )

    def _all(self, column: str, rows: Sequence[int], separator: str = "|") -> str | None:
        values = [self._columns[column][row] for row in rows]
        return separator.join(dict.fromkeys(each for each in values if each)) or None

    def denied(self, negated: pl.DataFrame) -> pl.DataFrame:
        """Infer what is not so from what is not so and what is the same.

        Args:
            negated: mappings with ``predicate_modifier: Not``, as `MAPPINGS`.

        Returns:
            The same and what follows: if A is not the same as B, neither is what is the same as A
            the same as what is the same as B.
        """
        rows = list(negated.iter_rows())
        for subject, predicate, target, *rest in generalised(negated).iter_rows():
            if predicate == EXACT:
                ones, others = self._same(subject), self._same(target)
                for one, before in ones.items():
                    for other, after in others.items():
                        used = (*before, *after)
                        if used:
                            sources = [rest[4], self._all("source", used, " ")]
                            source = " ".join(each for each in sources if each)
                            inferred = ("semapv:MappingChaining", None, rest[2], rest[3])
                            rows.append((one, EXACT, other, *inferred, source, rest[5]))
        frame = pl.DataFrame(rows, schema=MAPPINGS, orient="row")
        return frame.unique(["subject", "predicate", "object"], keep="first", maintain_order=True)

    def _same(self, term: str) -> dict[str, tuple[int, ...]]:
        """Give what is the same as a term, itself among it, with the rows that say so."""
        found: dict[str, tuple[int, ...]] = {term: ()}
        waiting = deque([term])
        while waiting:
            start = waiting.popleft()
            for end, predicate, row in self._steps.get(start, ()):
                if predicate == EXACT and end not in found:
                    found[end] = (*found[start], row)
                    waiting.append(end)
        return found

    def places(self, rows: Iterable[int]) -> str:
        """Give the sources of rows, for messages."""
        names = dict.fromkeys(self._columns["source"][row] or f"row {row + 1}" for row in rows)
        return ", ".join(names)

    def same_as(self, term: str) -> Mapping[str, tuple[int, ...]]:
        """Give what is the same as a term, itself among it, with the rows that say so."""
        return self._same(term)

    def cliques(self) -> list[frozenset[str]]:
        """Give the sets of terms that are all the same, in order of their first terms."""
        graph: nx.Graph[str] = nx.Graph()
        for start, steps in self._steps.items():
            graph.add_edges_from((start, end) for end, predicate, _ in steps if predicate == EXACT)
        return sorted((frozenset(each) for each in nx.connected_components(graph)), key=min)

    def broad_rows(self) -> Iterator[tuple[str, str, int]]:
        """Give what is narrower, what is broader, and the row that says so."""
        for start, steps in self._steps.items():
            yield from ((start, end, row) for end, predicate, row in steps if predicate == BROAD)


def contradictions(
    mappings: pl.DataFrame,
    negated: pl.DataFrame | None = None,
    terminologies: Iterable[Terminology] = (),
    disjoint: pl.DataFrame | None = None,
    file: str = "mappings",
) -> tuple[Finding, ...]:
    """Find where mappings contradict each other, or a hierarchy.

    Found are: a term that is the same as two of one vocabulary, of which one is above the other or
    which are disjoint (contradiction), or which are just two (ambiguous); cycles of broad mappings;
    pairs that are both the same and one broader; and mappings that are denied elsewhere.

    Args:
        mappings: what is asserted; see `MAPPINGS` of the hub.
        negated: what is denied; the same columns.
        terminologies: their hierarchies are looked at.
        disjoint: pairs of terms that nothing can be both of; see `DISJOINT` of the readers.
        file: what findings say they are of.
    """
    chains = Chains(mappings)
    hierarchy = _Hierarchy(terminologies, disjoint)
    found: list[tuple[Kind, str]] = []
    clique_of: dict[str, int] = {}
    for number, clique in enumerate(chains.cliques()):
        clique_of.update(dict.fromkeys(clique, number))
        found += _within_clique(clique, chains, hierarchy)
    found += _cycles(chains, clique_of)
    found += _denied(chains, negated, clique_of) if negated is not None else ()
    return tuple(Finding(kind, file, text) for kind, text in found)


class _Hierarchy:
    """Ancestors and declared disjointness."""

    def __init__(self, terminologies: Iterable[Terminology], disjoint: pl.DataFrame | None) -> None:
        self._parents: dict[str, list[str]] = {}
        for each in terminologies:
            for child, parent in each.edges.select(list(EDGES)).iter_rows():
                self._parents.setdefault(child, []).append(parent)
        rows = disjoint.iter_rows() if disjoint is not None else ()
        self._disjoint = {frozenset(pair) for pair in rows}

    def _above(self, term: str) -> set[str]:
        found = {term}
        waiting = [term]
        while waiting:
            for parent in self._parents.get(waiting.pop(), ()):
                if parent not in found:
                    found.add(parent)
                    waiting.append(parent)
        return found

    def conflict(self, one: str, other: str) -> str | None:
        """Say why two terms cannot be the same."""
        above, beyond = self._above(one), self._above(other)
        if other in above or one in beyond:
            low, high = (one, other) if other in above else (other, one)
            return f"{high} is above {low} in their hierarchy"
        if self._disjoint:
            for high in sorted(above):
                for top in sorted(beyond):
                    if frozenset((high, top)) in self._disjoint:
                        return f"{high} and {top} are disjoint"
        return None


def _within_clique(
    clique: frozenset[str], chains: Chains, hierarchy: _Hierarchy
) -> Iterator[tuple[Kind, str]]:
    by_vocabulary: dict[str, list[str]] = {}
    for name in sorted(clique):
        by_vocabulary.setdefault(name.partition(":")[0], []).append(name)
    for names in by_vocabulary.values():
        for one, other in combinations(names, 2):
            reason = hierarchy.conflict(one, other)
            kind = Kind.CONTRADICTION if reason else Kind.AMBIGUOUS
            why = chains.places(chains.same_as(one)[other])
            text = f"{one} and {other} are the same by {why}" + (
                f", but {reason}" if reason else ""
            )
            yield kind, text


def _cycles(chains: Chains, clique_of: Mapping[str, int]) -> Iterator[tuple[Kind, str]]:
    """Find cycles of what is broader, and what is broader and the same."""
    node: Callable[[str], str | int] = lambda name: clique_of.get(name, name)  # noqa: E731
    graph: nx.DiGraph[str | int] = nx.DiGraph()
    for low, high, row in chains.broad_rows():
        start, end = node(low), node(high)
        if start == end:
            why = chains.places((row, *chains.same_as(low)[high]))
            yield Kind.CONTRADICTION, f"{high} is both broader than {low} and the same: {why}"
        elif not graph.has_edge(start, end):
            graph.add_edge(start, end, said=(low, high, row))
    parts = [each for each in nx.strongly_connected_components(graph) if len(each) > 1]
    for part in sorted(parts, key=lambda each: min(map(str, each))):
        circle = nx.find_cycle(graph.subgraph(part), min(part, key=str))
        said = [graph.edges[edge[0], edge[1]]["said"] for edge in circle]
        way = "; ".join(f"{high} is broader than {low}" for low, high, _ in said)
        yield Kind.CONTRADICTION, f"{way}: {chains.places(row for _, _, row in said)}"


def _denied(
    chains: Chains, negated: pl.DataFrame, clique_of: Mapping[str, int]
) -> Iterator[tuple[Kind, str]]:
    asserted: dict[tuple[str, str, str], int] = {}
    columns = (chains.mappings[name].to_list() for name in ("subject", "predicate", "object"))
    for row, (subject, predicate, target) in enumerate(zip(*columns, strict=True)):
        asserted.setdefault((subject, predicate, target), row)
        asserted.setdefault((target, _INVERSE.get(predicate, predicate), subject), row)
    for subject, predicate, target, *rest in generalised(negated).iter_rows():
        said = asserted.get((subject, predicate, target))
        denial = f"{subject} is denied to be {predicate} of {target} ({rest[4]})"
        if said is not None:
            yield Kind.CONTRADICTION, f"{denial}, and said to be by {chains.places((said,))}"
        elif (
            predicate == EXACT
            and subject in clique_of
            and clique_of[subject] == clique_of.get(target)
        ):
            why = chains.places(chains.same_as(subject)[target])
            yield Kind.CONTRADICTION, f"{denial}, and follows from {why}"
