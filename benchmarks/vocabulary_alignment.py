"""What it costs three sites to align their vocabularies, by keyed identifiers and by private sets.

Each site has 14,541 labels, as many as FB15k-237 has entities, and shares two thirds of them with
each of the others. Measured is processor time on one core, since nothing waits; the results are
compared with plain sets before anything is printed.
"""

import argparse
import time
from collections.abc import Callable
from typing import TypeVar

from benchmarks.reporting import describe_machine, write_section, write_table
from hereditary_kg.embeddings.alignment import SiteVocabulary
from hereditary_kg.embeddings.alignment_keys import KEY_SIZE, AlignmentKey
from hereditary_kg.embeddings.global_numbering import align_vocabularies
from hereditary_kg.embeddings.label_kinds import EVERYTHING_PUBLIC, LabelKind
from hereditary_kg.embeddings.set_intersection import HashedLabels

LABELS = 14_541
SITES = ("a", "b", "c")
Value = TypeVar("Value")


def site_labels(place: int) -> tuple[str, ...]:
    """Give the labels of a site: each next one begins a third later."""
    first = place * LABELS // 3
    return tuple(
        f"http://purl.obolibrary.org/obo/HP_{number:07}" for number in range(first, first + LABELS)
    )


def timed(run: Callable[[], Value]) -> tuple[Value, float]:
    """Run something, and give its result and the seconds of processor time."""
    started = time.process_time()
    result = run()
    return result, time.process_time() - started


def measure_identifiers() -> list[tuple[str, float, int]]:
    """Measure keyed identifiers: the steps, their seconds, and the bytes that a site sends."""
    key = AlignmentKey(bytes(KEY_SIZE))
    vocabularies = [
        SiteVocabulary(site, site_labels(place), ("treats",), EVERYTHING_PUBLIC)
        for place, site in enumerate(SITES)
    ]
    offered, offering = timed(lambda: [each.offer(key, "run 1") for each in vocabularies])
    aligned, numbering = timed(lambda: align_vocabularies([each.offer for each in offered]))
    alignments, reading = timed(
        lambda: [each.read_answer(aligned.answers[each.offer.site]) for each in offered]
    )
    for place, alignment in enumerate(alignments):
        others = set().union(*(site_labels(other) for other in range(3) if other != place))
        expected = tuple(label for label in site_labels(place) if label in others)
        if alignment.labels(LabelKind.SHARED) != expected:
            raise SystemExit("the alignment is wrong; nothing is reported")
    sent = offered[0].offer.entities.nbytes
    return [
        ("keyed identifiers: a site's offer", offering / len(SITES), sent),
        ("keyed identifiers: the server's numbering of three sites", numbering, 0),
        ("keyed identifiers: a site's map", reading / len(SITES), 0),
    ]


def measure_intersection() -> list[tuple[str, float, int]]:
    """Measure the private set intersection of two sites, as `measure_identifiers` does."""
    hashed, hashing = timed(lambda: HashedLabels(site_labels(0), "run 1"))
    one, starting = timed(lambda: hashed.start("b"))
    two = HashedLabels(site_labels(1), "run 1").start("a")
    theirs = two.offer()
    answer, answering = timed(lambda: one.answer(theirs))
    found = one.finish(two.answer(one.offer()))
    others = set(site_labels(1))
    if found != tuple(label for label in site_labels(0) if label in others):
        raise SystemExit("the intersection is wrong; nothing is reported")
    return [
        ("private set intersection: hashing, once for all sites", hashing, 0),
        ("private set intersection: an offer, for each other site", starting, one.offer().nbytes),
        ("private set intersection: an answer, for each other site", answering, answer.nbytes),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markdown", action="store_true", help="write docs/benchmarks.md as well")
    arguments = parser.parse_args()
    rows = [
        (
            step,
            f"{seconds:.3f} s",
            f"{LABELS / seconds:,.0f}",
            f"{sent / 1e6:.2f} MB" if sent else "",
        )
        for step, seconds, sent in (*measure_identifiers(), *measure_intersection())
    ]
    text = "\n\n".join(
        (
            write_table(("step", "processor time", "labels/s", "sent"), rows),
            describe_machine(),
        )
    )
    print(text)
    if arguments.markdown:
        write_section("vocabulary_alignment", text)


if __name__ == "__main__":
    main()
