"""What is known of a predicate whose triples are too many to read: what its store can count.

What a store refuses to count, or counts in a way that does not add up, stays not known.
"""

from collections.abc import Awaitable
from typing import TypeVar

from hereditary_kg.federation.endpoint_questions import EndpointQuestions
from hereditary_kg.federation.errors import MemberError, ProfilingError
from hereditary_kg.rdf.terms import IRI, RDF_TYPE, Literal, parse_term
from hereditary_kg.sites.namespaces import generalise_namespaces, namespace_of
from hereditary_kg.sites.profile import PredicateProfile

__all__ = ["count_classes", "count_predicate"]

# Namespaces at one end before they are told apart in the profile's own way.
_MOST_NAMESPACES = 500

Answer = TypeVar("Answer")


async def count_predicate(
    questions: EndpointQuestions, predicate: str, triples: int
) -> PredicateProfile:
    """Profile a predicate by aggregates.

    Args:
        questions: whom to ask.
        predicate: its IRI.
        triples: how many triples it has.

    Raises:
        MemberError: the member does not count distinct subjects or objects, or cannot be reached.
    """
    pattern = f"?s {IRI(predicate).text} ?o"
    blank_subjects = await _count(questions, f"{pattern} FILTER(isBlank(?s))")
    blanks = await _count(questions, f"{pattern} FILTER(isBlank(?o))")
    iris = await _count(questions, f"{pattern} FILTER(isIRI(?o))")
    literals = await _count(questions, f"{pattern} FILTER(isLiteral(?o))")
    if blanks is None or iris is None or literals is None or blanks + iris + literals != triples:
        blanks = iris = literals = None
    return PredicateProfile(
        triples=triples,
        subjects=await questions.number("COUNT(DISTINCT ?s)", pattern),
        objects=await questions.number("COUNT(DISTINCT ?o)", pattern),
        subject_namespaces=await _namespaces(questions, pattern, "s"),
        object_namespaces=() if iris == 0 else await _namespaces(questions, pattern, "o"),
        datatypes=await _datatypes(questions, pattern, literals),
        languages=await _languages(questions, pattern, literals),
        blank_subjects=blank_subjects != 0,
        blank_objects=blanks != 0,
        iri_objects=iris != 0,
        literal_objects=literals != 0,
    )


async def count_classes(questions: EndpointQuestions, triples: int) -> dict[str, int]:
    """Count the instances of every class: IRI -> instances, sorted.

    Args:
        questions: whom to ask.
        triples: how many triples of ``rdf:type`` there are.

    Raises:
        MemberError: the member does not count them, or cannot be reached.
        ProfilingError: they do not add up.
    """
    found = await questions.whole_groups("c", f"?s <{RDF_TYPE}> ?c", triples)
    terms = {parse_term(text): count for text, count in found.items() if text is not None}
    return dict(sorted((term.value, n) for term, n in terms.items() if isinstance(term, IRI)))


async def _count(questions: EndpointQuestions, pattern: str) -> int | None:
    return await _if_possible(questions.number("COUNT(*)", pattern))


async def _datatypes(
    questions: EndpointQuestions, pattern: str, literals: int | None
) -> tuple[str, ...]:
    if not literals:
        return ()
    asked = f"{pattern} FILTER(isLiteral(?o)) BIND(DATATYPE(?o) AS ?d)"
    found = await _if_possible(questions.whole_groups("d", asked, literals))
    terms = [None if text is None else parse_term(text) for text in found or ()]
    iris = [term.value for term in terms if isinstance(term, IRI)]
    return tuple(sorted(iris)) if len(iris) == len(terms) else ()


async def _languages(
    questions: EndpointQuestions, pattern: str, literals: int | None
) -> tuple[str, ...]:
    if not literals:
        return ()
    asked = f"{pattern} FILTER(isLiteral(?o)) BIND(LCASE(LANG(?o)) AS ?l)"
    found = await _if_possible(questions.whole_groups("l", asked, literals))
    terms = [None if text is None else parse_term(text) for text in found or ()]
    tags = [term.lexical for term in terms if isinstance(term, Literal)]
    return tuple(sorted(filter(None, tags))) if len(tags) == len(terms) else ()


async def _namespaces(questions: EndpointQuestions, pattern: str, variable: str) -> tuple[str, ...]:
    """Give the namespaces at one end; empty where they are too many, or not to be had."""
    iris = f"{pattern} FILTER(isIRI(?{variable}))"
    distinct = f"COUNT(DISTINCT ?{variable})"
    total = await _if_possible(questions.number(distinct, iris))
    if not total:
        return ()
    cut = f'REPLACE(STR(?{variable}), "[^#/:]*$", "")'
    found = await _if_possible(questions.groups("x", f"{iris} BIND({cut} AS ?x)", distinct))
    if found is None or sum(found.values()) != total or len(found) > _MOST_NAMESPACES:
        return ()
    counts: dict[str, int] = {}
    for text, count in found.items():
        term = None if text is None else parse_term(text)
        if not isinstance(term, Literal) or namespace_of(term.lexical) != term.lexical:
            return ()
        counts[term.lexical] = count
    return generalise_namespaces(counts)


async def _if_possible(question: Awaitable[Answer]) -> Answer | None:
    try:
        return await question
    except ProfilingError:
        return None
    except MemberError as error:
        if error.kind == "unreachable":
            raise
        return None
