"""What else is said of two terms, and by whom."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from hereditary_kg.semantics.hub import BROAD, EXACT, GENERALISED, NARROW, Hub, Step
from hereditary_kg.semantics.review.candidates import Candidate, Pair, meaning
from hereditary_kg.semantics.review.decisions import PREDICATES, Decision
from hereditary_kg.semantics.review.term_cards import label_of
from hereditary_kg.semantics.sssom.mapping_set import MappingSet

__all__ = ["Claim", "Claims", "ClaimsOfPair"]

_MOST = 12
"""Claims of one kind that are shown."""

_INVERSE = {BROAD: NARROW, NARROW: BROAD}
_TEXTS = ("subject", "predicate", "object", "justification", "author", "source")


@dataclass(frozen=True)
class Claim:
    """What somebody says of two terms.

    Attributes:
        subject: a canonical CURIE.
        predicate: such as ``skos:exactMatch``.
        object: a canonical CURIE.
        denied: whether it is said that this is not so.
        subject_label: the label, where it is known.
        object_label: the same of the object.
        justification: how the claim came about.
        confidence: from 0 to 1.
        author: whose it is.
        source: the mapping set and its row; or the terms that a chain of exact mappings leads over.
    """

    subject: str
    predicate: str
    object: str
    denied: bool = False
    subject_label: str | None = None
    object_label: str | None = None
    justification: str | None = None
    confidence: float | None = None
    author: str | None = None
    source: str | None = None

    @property
    def pair(self) -> Pair:
        """Subject and object."""
        return self.subject, self.object

    def turned(self) -> "Claim":
        """Give the same claim, said of the object."""
        predicate = _INVERSE.get(self.predicate, self.predicate)
        return Claim(self.object, predicate, self.subject, self.denied)


@dataclass(frozen=True)
class ClaimsOfPair:
    """The claims about a pair that is reviewed.

    Attributes:
        agreeing: others that say what is proposed.
        disagreeing: others that say something else of the pair, or that one of its terms is the
            same as a third one of the other's vocabulary.
    """

    agreeing: tuple[Claim, ...] = ()
    disagreeing: tuple[Claim, ...] = ()


class Claims:
    """All claims that are known.

    Args:
        hub: its mappings, and labels.
        reviewed: the mapping set under review.
        known: other mapping sets.
    """

    def __init__(self, hub: Hub, reviewed: MappingSet, known: Sequence[MappingSet]) -> None:
        self._hub = hub
        frames = [_tagged(hub.mappings, denied=False, own=False)]
        for each, own in ((reviewed, True), *((each, False) for each in known)):
            frames.extend(
                _tagged(each.to_hub_rows(negated=denied), denied=denied, own=own)
                for denied in (False, True)
            )
        said = pl.concat(frames).with_columns(pl.col("predicate").replace(GENERALISED))
        self._frame = said.unique(maintain_order=True)

    def about(
        self, candidate: Candidate, decided: Callable[[Pair], Decision | None]
    ) -> ClaimsOfPair:
        """Give the claims that agree and disagree with what is proposed.

        Args:
            candidate: the pair.
            decided: gives what was decided on another pair of the set under review.
        """
        said = {meaning(row) for row in candidate.rows}
        proposed = {predicate for decision, predicate in PREDICATES.items() if decision in said}
        agreeing: list[Claim] = []
        disagreeing: list[Claim] = []
        for claim in (*self._said(candidate.pair, decided), *self._chained(candidate.pair)):
            told = claim if claim.pair == candidate.pair else claim.turned()
            if told.pair != candidate.pair:
                if _competes(claim, candidate.pair):
                    disagreeing.append(claim)
            elif told.predicate in proposed and not claim.denied:
                agreeing.append(claim)
            else:
                disagreeing.append(claim)
        return ClaimsOfPair(tuple(agreeing[:_MOST]), tuple(disagreeing[:_MOST]))

    def _said(self, pair: Pair, decided: Callable[[Pair], Decision | None]) -> Iterator[Claim]:
        subject, target = pl.col("subject"), pl.col("object")
        # The rows that propose this are what is reviewed, and no other claim.
        proposal = pl.col("own") & (subject == pair[0]) & (target == pair[1])
        rows = self._frame.filter((subject.is_in(pair) | target.is_in(pair)) & ~proposal)
        for row in rows.iter_rows(named=True):
            claim = self._labelled(row, denied=row["denied"], confidence=row["confidence"])
            found = decided(claim.pair) if row["own"] else None
            if found is not None:
                predicate = PREDICATES.get(found, claim.predicate)
                claim = replace(claim, predicate=predicate, denied=found is Decision.NOT)
            yield claim

    def _chained(self, pair: Pair) -> Iterator[Claim]:
        """Give what chains of exact mappings say, in the words of the nearest mapping set."""
        for start, other in (pair, pair[::-1]):
            vocabulary = other.partition(":")[0]
            for name, steps in self._hub.exact(start).items():
                if len(steps) > 1 and name.partition(":")[0] == vocabulary:
                    if name == other and start != pair[0]:
                        continue  # the same chain, the other way round
                    said = {
                        "subject": start,
                        "predicate": EXACT,
                        "object": name,
                        "justification": "semapv:MappingChaining",
                        "source": " = ".join(_stations(steps)),
                    }
                    yield self._labelled(said)

    def _labelled(
        self, row: Mapping[str, str], *, denied: bool = False, confidence: float | None = None
    ) -> Claim:
        texts = {name: row[name] for name in _TEXTS if row.get(name)}
        return Claim(
            **texts,
            denied=denied,
            confidence=confidence,
            subject_label=label_of(self._hub, row["subject"]),
            object_label=label_of(self._hub, row["object"]),
        )


def _tagged(frame: pl.DataFrame, *, denied: bool, own: bool) -> pl.DataFrame:
    return frame.with_columns(denied=pl.lit(denied), own=pl.lit(own))


def _competes(claim: Claim, pair: Pair) -> bool:
    """Say whether a claim makes one term the same as a third one of the other's vocabulary."""
    if claim.predicate != EXACT or claim.denied:
        return False
    for own, other in (pair, pair[::-1]):
        if own in claim.pair:
            third = claim.object if claim.subject == own else claim.subject
            if third.partition(":")[0] == other.partition(":")[0]:
                return True
    return False


def _stations(steps: Iterable[Step]) -> Iterator[str]:
    for place, step in enumerate(steps):
        if place == 0:
            yield step.start
        yield step.end
