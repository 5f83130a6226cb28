"""Why a single triple or path pattern has no match anywhere."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from hereditary_kg.execution.losses import Loss
from hereditary_kg.execution.part_questions import Questioner
from hereditary_kg.execution.term_differences import (
    find_near_pair,
    local_name,
    name_difference,
    nearest_names,
)
from hereditary_kg.planning.leaves import Leaf
from hereditary_kg.planning.sources import Sources
from hereditary_kg.rdf.terms import IRI, RDF_TYPE, Literal
from hereditary_kg.sites.profile import Profile
from hereditary_kg.sparql.algebra import Call, Filter, Variable

__all__ = ["explain_empty_leaf"]

_SAMPLED = 1000
_OPEN = Variable(f"{Variable.HIDDEN}end")


async def explain_empty_leaf(questioner: Questioner, sources: Sources, leaf: Leaf) -> Loss:
    """Say why ``leaf``, which has no match, has none.

    Args:
        questioner: asks about it.
        sources: the members and their profiles.
        leaf: the pattern.

    Raises:
        QuestionsEndedError: no more may be asked.
    """
    profiles = [member.profile for member in sources.members.values()]
    known = [profile for profile in profiles if profile is not None]
    unprofiled = len(known) < len(profiles)
    for explain in (_unknown_graph, _unknown_predicate, _unknown_class):
        notes = explain(leaf, known)
        if notes is not None:
            text, *hints = notes
            if unprofiled:
                hints.append("Members without a profile were asked, and gave no match either.")
            return Loss("pattern", (str(leaf),), text, tuple(hints))
    return await _unmatched_constants(questioner, sources, leaf)


def _unknown_graph(leaf: Leaf, profiles: list[Profile]) -> list[str] | None:
    if not isinstance(leaf.graph, IRI):
        return None
    graphs = {name for profile in profiles for name in profile.named_graphs}
    if any(profile.may_have_graph(leaf.graph.value) for profile in profiles):
        return None
    return [
        f"No member has the named graph {leaf.graph}.",
        *_suggestions(leaf.graph.value, graphs, "named graphs"),
    ]


def _unknown_predicate(leaf: Leaf, profiles: list[Profile]) -> list[str] | None:
    # What profiles tell is about default graphs.
    if leaf.predicates is None or leaf.graph is not None:
        return None
    used = {iri for profile in profiles for iri in profile.predicates}
    missing = [
        iri
        for iri in leaf.predicates
        if all(profile.predicate(iri.value) is None for profile in profiles)
    ]
    if not missing or len(missing) < len(leaf.predicates):
        return None
    hints = [hint for iri in missing for hint in _suggestions(iri.value, used, "predicates")]
    one = "the predicate" if len(missing) == 1 else "the predicates"
    return [f"No member uses {one} {', '.join(map(str, missing))}.", *hints]


def _unknown_class(leaf: Leaf, profiles: list[Profile]) -> list[str] | None:
    target = leaf.triple.object
    is_type = leaf.triple.predicate == IRI(RDF_TYPE) and leaf.graph is None
    if not is_type or not isinstance(target, IRI):
        return None
    classes = {iri for profile in profiles for iri in profile.classes}
    if any(profile.may_have_class(target.value) for profile in profiles):
        return None
    return [
        f"No member holds an instance of the class {target}.",
        *_suggestions(target.value, classes, "classes"),
    ]


def _suggestions(iri: str, known: Iterable[str], what: str) -> list[str]:
    known = set(known)
    near = nearest_names(iri, known)
    if near:
        return [f"Did you mean {' or '.join(f'<{each}>' for each in near)}?"]
    return [] if known else [f"The members' profiles list no {what} at all."]


async def _unmatched_constants(questioner: Questioner, sources: Sources, leaf: Leaf) -> Loss:
    asked = sources.candidates.get(leaf, ())
    holders = ", ".join(asked) if asked else "the members"
    loss = Loss("pattern", (str(leaf),), f"No member holds a match ({holders} may have had one).")
    if not asked:
        reasons = sorted(set(sources.excluded.get(leaf, {}).values()))
        loss = replace(loss, text="No member holds a match.", notes=_excluding(reasons))
    ends: list[tuple[str, IRI | Literal, Callable[[Variable], Leaf]]] = []
    triple = leaf.triple
    if isinstance(triple.object, IRI | Literal):
        ends.append(("object", triple.object, lambda v: _with(leaf, object=v)))
    if isinstance(triple.subject, IRI | Literal):
        ends.append(("subject", triple.subject, lambda v: _with(leaf, subject=v)))
    for place, constant, opened in ends:
        frame = await questioner.sample(opened(_OPEN).pattern, [_OPEN], _SAMPLED)
        values = set(frame[_OPEN.name].drop_nulls())
        if not values:
            continue
        if frame.height == _SAMPLED and find_near_pair([str(constant)], values) is None:
            values |= await _alike(questioner, opened(_OPEN), constant)
        text = f"No member holds {constant} as the {place}."
        return Loss("pattern", loss.patterns, text, _examples(str(constant), place, values))
    return loss


async def _alike(questioner: Questioner, leaf: Leaf, constant: IRI | Literal) -> set[str]:
    """Look for terms like ``constant`` where there are more than a sample has."""
    text = Call("LCASE", (Call("STR", (_OPEN,)),))
    if isinstance(constant, IRI):
        name = local_name(constant.value).lower()
        condition = Call("STRENDS", (text, Literal(name)))
    else:
        name = constant.lexical.lower()
        condition = Call("=", (text, Literal(name)))
    if not name:
        return set()
    frame = await questioner.sample(Filter(condition, leaf.pattern), [_OPEN], _SAMPLED)
    return set(frame[_OPEN.name].drop_nulls())


def _excluding(reasons: list[str]) -> tuple[str, ...]:
    return (f"Of the members each {' or '.join(reasons)}.",) if reasons else ()


def _examples(constant: str, place: str, values: set[str]) -> tuple[str, ...]:
    """Say which terms do stand there, above all one like the constant."""
    pair = find_near_pair([constant], values)
    if pair is not None:
        return (f"Did you mean {pair[1]}? It stands there; {name_difference(*pair)}.",)
    shown = ", ".join(sorted(values)[:3])
    return (f"What stands there as the {place}, for example: {shown}.",)


def _with(leaf: Leaf, **ends: Variable) -> Leaf:
    return replace(leaf, triple=replace(leaf.triple, **ends))
