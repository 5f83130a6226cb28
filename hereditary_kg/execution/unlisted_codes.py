"""Members that do not list their codes: they are asked which of the codes that matter they have.

Some members refuse the question for all terms at a predicate, or cannot answer it in time. They
are asked instead, in blocks, for every code of theirs that may stand for what a query asks for: for
all that the hub knows to be the same, narrower or broader, or, where a query shows all codes, for
all that the hub knows of the vocabulary. So the query's codes are found all the same. Codes that
the hub does not know are not found by what they may mean; where all codes are shown they are, as
they are.
"""

from collections.abc import Iterable, Mapping

import polars as pl

from hereditary_kg.execution.code_questions import ask_which
from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.federation.coding import CodedPredicate, MemberCoding
from hereditary_kg.federation.errors import MemberError
from hereditary_kg.planning.leaves import edge_leaves, pattern_leaves
from hereditary_kg.rdf.terms import IRI, Term
from hereditary_kg.semantics.code_candidates import all_codes, candidate_codes, candidate_terms
from hereditary_kg.semantics.included_patterns import IncludedPattern
from hereditary_kg.semantics.translation import Translator, enumerated_terms
from hereditary_kg.sites.namespaces import admits
from hereditary_kg.sites.profile import Profile
from hereditary_kg.sparql.algebra import DescribeQuery, Query, TriplePattern, Variable

__all__ = ["UnlistedCodes"]


class UnlistedCodes:
    """What is known of the codes of one member, for one version of its data.

    Args:
        translator: the user's vocabulary.
        coding: what the member writes in its own way.
        refused: the predicates whose terms it does not list, with what it said.
        profile: the member's; None where it has none.
    """

    def __init__(
        self,
        translator: Translator,
        coding: MemberCoding,
        refused: Mapping[str, MemberError],
        profile: Profile | None,
    ) -> None:
        self._translator = translator
        self._coding = coding
        self._refused = refused
        self._profile = profile
        self._asked: dict[str, set[str]] = {iri: set() for iri in refused}
        self._held: dict[str, set[str]] = {iri: set() for iri in refused}

    @property
    def refused(self) -> Mapping[str, MemberError]:
        """The predicates whose terms the member does not list, with what it said."""
        return self._refused

    @property
    def terms(self) -> Mapping[str, list[str]]:
        """Predicate -> the terms that were asked for and are there, sorted."""
        return {iri: sorted(held) for iri, held in self._held.items()}

    @property
    def asked(self) -> Mapping[str, int]:
        """Predicate -> how many terms were asked for."""
        return {iri: len(asked) for iri, asked in self._asked.items()}

    @property
    def statements(self) -> Iterable[str]:
        """What the user should know, after the member's name."""
        for iri, error in self._refused.items():
            yield (
                f"does not list its terms at <{iri}> ({error.kind}: {error.reason}); "
                f"{len(self._asked[iri]):,} that may be meant were asked for"
            )

    async def find(self, query: Query, member: str, context: ExecutionContext) -> bool:
        """Find out which of the terms that matter to a query the member has.

        Args:
            query: without ``hkg:includes``.
            member: its name.
            context: the running query.

        Returns:
            Whether anything had to be asked.

        Raises:
            MemberError: the member does not answer that either; or all of its codes matter, and
                nobody says of which vocabulary they are.
        """
        is_new = False
        for iri, wanted in self._wanted(query).items():
            new = sorted(wanted - self._asked[iri])
            if new:
                is_new = True
                held = await ask_which(context, member, IRI(iri), pl.Series(new))
                self._held[iri].update(held)
                self._asked[iri].update(new)
        return is_new

    def _wanted(self, query: Query) -> Mapping[str, set[str]]:
        wanted: dict[str, set[str]] = {iri: set() for iri in self._refused}
        if isinstance(query, DescribeQuery):
            for iri, terms in wanted.items():
                terms.update(self._terms(iri, None))
        leaves = dict.fromkeys(pattern_leaves(query.pattern))
        edges = dict.fromkeys(edge.triple for leaf in leaves for edge in edge_leaves(leaf))
        for triple in edges:
            for iri, terms in wanted.items():
                user = IRI(self._coding.predicates.get(iri, iri))
                if isinstance(triple.predicate, Variable) or triple.predicate == user:
                    terms.update(self._terms(iri, triple))
        return wanted

    def _terms(self, iri: str, triple: TriplePattern | None) -> Iterable[str]:
        """Give the terms at a predicate that may match a triple pattern; all of them for None."""
        coded = self._coding.codes.get(iri)
        target = None if triple is None or isinstance(triple.object, Variable) else triple.object
        # What stays as it is is seen by its own name.
        own = [] if target is None else [target]
        if coded is None:
            found: Iterable[Term] = enumerated_terms(self._coding.values[iri])
        else:
            codes = self._codes(iri, triple, coded)
            found = candidate_terms(codes, coded, lambda value: self._may_be(iri, value))
        return (term.text for term in (*own, *found))

    def _codes(
        self, iri: str, triple: TriplePattern | None, coded: CodedPredicate
    ) -> Iterable[str]:
        hub = self._translator.hub
        if isinstance(triple, IncludedPattern):
            return candidate_codes(hub, triple.asked, coded.vocabulary)
        if triple is not None and not isinstance(triple.object, Variable):
            code = self._translator.code(triple.object)
            return () if code is None else candidate_codes(hub, [code], coded.vocabulary)
        if not coded.vocabulary:
            error = self._refused[iri]
            raise MemberError(
                error.member,
                error.kind,
                f"it does not list its terms at <{iri}> ({error.reason}); say in its description "
                "of which vocabulary these are, and it is asked for that one's codes",
                error.query,
            )
        return all_codes(hub, coded.vocabulary)

    def _may_be(self, iri: str, value: str) -> bool:
        profile = self._profile
        if profile is None or profile.all_graph_triples:
            # What is in named graphs is not in the profile's namespaces.
            return True
        known = profile.predicates.get(iri)
        return known is None or admits(known.object_namespaces, value)
