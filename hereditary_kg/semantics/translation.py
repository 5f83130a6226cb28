"""Between a member's terms at one predicate and the user's.

What stands at a coded predicate is seen as if it were written in the user's vocabulary: each code
is replaced by the codes that it converts to, and stays as it is where it converts to none. So is
an enumerated value, by what the member's description says of it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import chain

import polars as pl

from hereditary_kg.federation.coding import CodedPredicate, ConversionDescription
from hereditary_kg.rdf.terms import IRI, Literal, Term, parse_term
from hereditary_kg.semantics.conversion import Conversion, Converter, Relation
from hereditary_kg.semantics.data_conversion.gene_symbols import GeneSymbols
from hereditary_kg.semantics.errors import IdentifierError, UnknownTermError
from hereditary_kg.semantics.expansion import Census, Expansion
from hereditary_kg.semantics.hub import Hub
from hereditary_kg.semantics.identifiers import iri_of, normalise, vocabulary_of

__all__ = [
    "NATIVE",
    "USER",
    "Pair",
    "Translation",
    "Translator",
    "code_of",
    "enumerated_terms",
    "is_disjoint",
    "is_single",
]


@dataclass(frozen=True)
class Pair:
    """One of the user's terms for one of a member's.

    Attributes:
        native: the member's term.
        user: the user's; the same where there is none.
        code: what the member's term is, as a canonical CURIE; None where it is no code.
        conversion: how the one becomes the other; None where it is no code.
    """

    native: Term
    user: Term
    code: str | None = None
    conversion: Conversion | None = None

    @property
    def is_unmapped(self) -> bool:
        """Whether it is a code that stays as it is, for want of one of the user's."""
        return self.conversion is not None and self.conversion.target is None


def _place(pair: Pair) -> tuple[str, str]:
    return pair.native.text, pair.user.text


def _table(pairs: Iterable[Pair]) -> pl.DataFrame:
    rows = [(pair.native.text, pair.user.text) for pair in pairs]
    return pl.DataFrame(rows, schema={NATIVE: pl.String, USER: pl.String}, orient="row")


def is_single(pairs: Sequence[Pair]) -> bool:
    """Whether each of the member's terms has one of the user's."""
    return len({pair.native for pair in pairs}) == len(pairs)


def is_disjoint(pairs: Sequence[Pair]) -> bool:
    """Whether no two of the member's terms have the same one of the user's."""
    return len({pair.user for pair in pairs}) == len(pairs)


NATIVE, USER = "native", "user"
"""The columns of `Translation.table`."""


class Translation:
    """All terms at one predicate of one member, with the user's.

    Args:
        pairs: every term of the member's that stands there, blank nodes apart.
        census: the codes among them.
        translate: gives the pairs of other terms, by their canonical texts, should any come.
        foreign: the terms that are codes of other vocabularies than the member is said to use.
        asked: how many terms the member was asked for, where it does not list its own: then what
            stands there besides is not known. None where it does.
    """

    def __init__(
        self,
        pairs: Iterable[Pair],
        census: Census,
        translate: Callable[[Iterable[str]], Iterable[Pair]],
        foreign: tuple[str, ...] = (),
        asked: int | None = None,
    ) -> None:
        self.pairs = tuple(sorted(pairs, key=_place))
        self.census = census
        self.foreign = foreign
        self.asked = asked
        self.expand = cache(self._expand)
        self._translate = translate

    @cached_property
    def table(self) -> pl.DataFrame:
        """The pairs as canonical texts, in the columns `NATIVE` and `USER`."""
        return _table(self.pairs)

    @cached_property
    def by_native(self) -> Mapping[str, tuple[str, ...]]:
        """The user's terms for each of the member's, as canonical texts."""
        found: dict[str, list[str]] = {}
        for pair in self.pairs:
            found.setdefault(pair.native.text, []).append(pair.user.text)
        return {native: tuple(users) for native, users in found.items()}

    def users_of(self, term: str) -> tuple[str, ...]:
        """Give the user's terms for one that was not there when all were asked for."""
        return tuple(pair.user.text for pair in self._translate([term]))

    def table_of(self, terms: Iterable[str]) -> pl.DataFrame:
        """Give the same for terms that were not there when all were asked for."""
        return _table(self._translate(terms))

    @cached_property
    def is_single(self) -> bool:
        """Whether each of the member's terms has one of the user's."""
        return is_single(self.pairs)

    @cached_property
    def is_disjoint(self) -> bool:
        """Whether no two of the member's terms have the same one of the user's."""
        return is_disjoint(self.pairs)

    @cached_property
    def is_identity(self) -> bool:
        """Whether every term stays as it is."""
        return all(pair.native == pair.user for pair in self.pairs)

    @cached_property
    def _by_user(self) -> Mapping[Term, tuple[Pair, ...]]:
        found: dict[Term, list[Pair]] = {}
        for pair in self.pairs:
            found.setdefault(pair.user, []).append(pair)
        return {term: tuple(pairs) for term, pairs in found.items()}

    def of_user(self, term: Term) -> tuple[Pair, ...]:
        """Give the pairs of one of the user's terms."""
        return self._by_user.get(term, ())

    def of_codes(self, codes: Iterable[str]) -> tuple[Pair, ...]:
        """Give the pairs of some of the member's codes."""
        found = (self._by_code.get(code, ()) for code in codes)
        return tuple(sorted(chain.from_iterable(found), key=_place))

    @cached_property
    def _by_code(self) -> Mapping[str, tuple[Pair, ...]]:
        found: dict[str, list[Pair]] = {}
        for pair in self.pairs:
            if pair.code is not None:
                found.setdefault(pair.code, []).append(pair)
        return {code: tuple(pairs) for code, pairs in found.items()}

    @cached_property
    def codes(self) -> int:
        """How many different codes there are."""
        return len(self.census.codes)

    @cached_property
    def uncoded(self) -> int:
        """How many terms are no codes, where there should be some."""
        if not self.census.codes:
            return 0
        return sum(pair.code is None for pair in self.pairs) - len(self.foreign)

    @cached_property
    def unmapped(self) -> tuple[str, ...]:
        """The codes that stay as they are, for want of one of the user's."""
        found = (pair.code for pair in self.pairs if pair.is_unmapped and pair.code is not None)
        return tuple(dict.fromkeys(found))

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """Those of which the hub knows nothing, so that nobody can say what they are."""
        return tuple(
            dict.fromkeys(
                pair.code
                for pair in self.pairs
                if pair.code is not None
                and pair.conversion is not None
                and pair.conversion.relation is Relation.UNKNOWN
            )
        )

    def _expand(self, asked: str) -> Expansion:
        """Give the member's codes for a code and what is narrower."""
        return self.census.expand(asked, descendants=True)


class Translator:
    """Knows the user's vocabulary, and those that some predicates have instead.

    Args:
        hub: what is known of codes.
        description: which vocabularies they are, and what becomes of codes without an exact one.

    Raises:
        UnknownTermError: the hub knows no code of one of them.
    """

    def __init__(self, hub: Hub, description: ConversionDescription) -> None:
        known = hub.vocabularies
        if description.vocabulary not in known:
            raise UnknownTermError("vocabulary", description.vocabulary, known)
        self.hub = hub
        self.vocabulary = description.vocabulary
        self._start = description.iri
        self._broader = description.broader
        self._converter = Converter(hub, description.vocabulary, narrower=False)
        self._genes = GeneSymbols(hub)
        self._others = {
            predicate: Translator(
                hub, replace(description, vocabulary=name, iri="", vocabularies={})
            )
            for predicate, name in description.vocabularies.items()
        }
        self.included = cache(self._included)

    def at(self, predicate: str) -> "Translator":
        """Give what knows the vocabulary of one of the user's predicates."""
        return self._others.get(predicate, self)

    @cached_property
    def vocabularies(self) -> frozenset[str]:
        """All of the user's vocabularies."""
        return frozenset((self.vocabulary, *(each.vocabulary for each in self._others.values())))

    def iri(self, code: str) -> IRI:
        """Give the IRI by which the user knows a code."""
        if self._start and vocabulary_of(code) == self.vocabulary:
            return IRI(self._start + code.partition(":")[2])
        return IRI(iri_of(code))

    @cached_property
    def namespace(self) -> str:
        """What the IRIs of the user's codes begin with."""
        return self.iri(f"{self.vocabulary}:").value

    @cached_property
    def namespaces(self) -> frozenset[str]:
        """What the IRIs of codes of all of the user's vocabularies begin with."""
        return frozenset((self.namespace, *(each.namespace for each in self._others.values())))

    def code(self, term: Term) -> str | None:
        """Give the code that one of the user's IRIs stands for; None where it is none."""
        if not isinstance(term, IRI):
            return None
        if self._start and term.value.startswith(self._start):
            return f"{self.vocabulary}:{term.value[len(self._start) :]}"
        return _normalised(term.value, "")

    def translate(
        self, terms: Iterable[str], coded: CodedPredicate, asked: int | None = None
    ) -> Translation:
        """Translate the terms at a coded predicate.

        Args:
            terms: canonical texts, each once.
            coded: how they are coded.
            asked: as of `Translation`.
        """

        def pairs(texts: Iterable[str]) -> Iterator[Pair]:
            return chain.from_iterable(self._pairs(text, coded) for text in texts)

        known = tuple(pairs(terms))
        codes = (pair.code for pair in known if pair.code is not None)
        uncoded = dict.fromkeys(pair.native for pair in known if pair.code is None)
        foreign = tuple(native.text for native in uncoded if _is_foreign(native, coded))
        return Translation(known, Census(self.hub, codes), pairs, foreign, asked)

    def _pairs(self, text: str, coded: CodedPredicate) -> Iterator[Pair]:
        native = parse_term(text)
        code = code_of(native, coded) or self._gene_of(native, coded)
        if code is None:
            yield Pair(native, native)
            return
        for each in self._conversions(code):
            user = native if each.target is None else self.iri(each.target)
            yield Pair(native, user, code, each)

    def _gene_of(self, term: Term, coded: CodedPredicate) -> str | None:
        """Give the gene that a symbol means, also one that was given up.

        A symbol that no gene has, or several have or had, is given as it is: a code that nobody
        knows.
        """
        wanted = coded.literal and coded.vocabulary == "HGNC" and self._genes.known
        if not wanted or not isinstance(term, Literal):
            return None
        found = self._genes.find(term.lexical).genes
        return found[0] if len(found) == 1 else term.lexical

    def _conversions(self, code: str) -> tuple[Conversion, ...]:
        found = self._converter.convert(code)
        if self._broader or found[0].relation is not Relation.BROADER:
            return found
        return (Conversion(code, None, Relation.NONE),)

    def enumerate(
        self, terms: Iterable[str], values: Mapping[str, str], asked: int | None = None
    ) -> Translation:
        """Translate the terms at a predicate with enumerated values.

        Args:
            terms: canonical texts, each once.
            values: the member's value -> the user's.
            asked: as of `Translation`.
        """

        def pairs(texts: Iterable[str]) -> Iterator[Pair]:
            return (Pair(each, _enumerated(each, values)) for each in map(parse_term, texts))

        return Translation(pairs(terms), _NO_CENSUS, pairs, asked=asked)

    def check(self, asked: str) -> None:
        """Check that there is something to be known of a code.

        Raises:
            UnknownTermError: the hub does not know it.
        """
        is_known = asked in self.hub or len(self.hub.exact(asked)) > 1
        if not is_known and not any(True for _ in self.hub.narrower(asked)):
            raise UnknownTermError("term", asked)

    def _included(self, asked: str) -> tuple[str, ...]:
        """Give the user's codes, of all vocabularies, that are a code or narrower, in order."""
        same = self.hub.exact(asked)
        seen = set(same)
        front = set(same)
        while front:
            steps = (step.end for name in front for step in self.hub.narrower(name))
            below = {end for name in steps if name not in seen for end in self.hub.exact(name)}
            front = below - seen
            seen |= front
        starts = tuple(f"{name}:" for name in self.vocabularies)
        return tuple(sorted(name for name in seen if name.startswith(starts)))


_NO_CENSUS = Census(Hub(), ())


def _enumerated(native: Term, values: Mapping[str, str]) -> Term:
    written = native.lexical if isinstance(native, Literal) else native.text
    user = values.get(written)
    return native if user is None else _value_term(user)


def enumerated_terms(values: Iterable[str]) -> tuple[Term, ...]:
    """Give the terms that a member's enumerated values are, as plain texts or IRIs."""
    return tuple(map(_value_term, values))


def _value_term(value: str) -> Term:
    return parse_term(value) if value.startswith("<") and value.endswith(">") else Literal(value)


def code_of(term: Term, coded: CodedPredicate) -> str | None:
    """Give the code that a member's term is, as a canonical CURIE."""
    match term:
        case IRI(value) if not coded.literal:
            if not coded.iri:
                code = _normalised(value, "")
            elif value.startswith(coded.iri):
                code = _normalised(value[len(coded.iri) :], coded.vocabulary)
            else:
                return None
        case Literal(lexical) if coded.literal:
            code = _normalised(lexical, coded.vocabulary)
        case _:
            return None
    if code is not None and coded.vocabulary and vocabulary_of(code) != coded.vocabulary:
        return None
    return code


def _is_foreign(term: Term, coded: CodedPredicate) -> bool:
    """Whether a term that is no code as described is one of a known vocabulary all the same."""
    if isinstance(term, IRI) and not coded.literal:
        return _normalised(term.value, "") is not None
    # A text is one only where it says of which vocabulary.
    written = term.lexical if isinstance(term, Literal) and coded.literal else ""
    return ":" in written and _normalised(written, "") is not None


def _normalised(text: str, default: str) -> str | None:
    try:
        return normalise(text, default or None)
    except IdentifierError:
        return None
