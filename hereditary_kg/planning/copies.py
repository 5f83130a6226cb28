"""Verified copies: triples that a member holds and another one holds as well.

A hospital that holds copies of its neighbour's records makes joins cross members that need not:
the neighbour's own answer is complete for its patients, and the copies add nothing. So what is
*known* to be a copy counts, in planning, as if it were not there.

Terms. A *contested* namespace of a predicate's end is one in which a few members have IRIs; one of
them is taken for its owner. A triple of another member is *left out* there if its term at that end
is in the namespace and every such triple of the predicate has been found at the owner
(:mod:`hereditary_kg.execution.copy_checks`). A triple that stands in two contested namespaces
(by its subject and its object) counts as found only if both have the same owner.

Why that is right. Let D(n) be what member n holds, R(n) what of it is left out, and
D'(n) = D(n) - R(n).

* The union of all D'(n) is the union of all D(n). Each triple t of R(n) is in D(m), for the one
  owner m of all contested namespaces that t stands in; and m leaves t out nowhere, for a member
  leaves out only what is in a namespace that another one owns.
* So the matches of a triple pattern over the merge are its matches over D'(n), united over n.
  Source selection, arc consistency and locality are about nothing else: they reason about where
  the matches of each pattern are. What they conclude from domains of D' is right if the matches
  come from D' too.
* A request for one pattern, whose equal rows count once, may be answered from D(n) all the same:
  it gives matches over the merge, and at least those of D'(n). So may a request to one member
  alone: others' matches of its patterns join with nothing there, whether they are copied or not.
* A request for several patterns to several members is restricted to D'(n), pattern by pattern:
  :func:`hereditary_kg.planning.copy_filters.without_copies`. Then the union of the answers is
  right by the proof for locality, with D' for D.

A path, a pattern with a variable as predicate and what stands in a named graph have all of D(n):
their domains are those of D(n), and nothing of them is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Copied", "Copies"]


@dataclass(frozen=True)
class Copied:
    """What of a member's triples of one predicate is left out.

    Attributes:
        subjects: the namespaces that decide by the subject.
        objects: those that decide by the object.
        tied: whether each triple that one end decides is decided by the other end as well.
    """

    subjects: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    tied: bool = False

    def __bool__(self) -> bool:
        return bool(self.subjects or self.objects)


Copies: TypeAlias = Mapping[tuple[str, str], Copied]
"""What is left out, by member and predicate IRI."""
