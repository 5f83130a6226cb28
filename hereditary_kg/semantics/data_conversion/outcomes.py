"""What becomes of a code that stands in data, and by which mappings."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

from hereditary_kg.semantics.conversion import Conversion, Converter, Relation
from hereditary_kg.semantics.data_conversion.gene_symbols import GENE_VOCABULARIES, GeneSymbols
from hereditary_kg.semantics.errors import IdentifierError, UnknownTermError
from hereditary_kg.semantics.hub import REPLACED, Hub, Step
from hereditary_kg.semantics.identifiers import iri_of, normalise

__all__ = ["CodeConverter", "Currency", "Outcome", "Standing"]


class Standing(StrEnum):
    """How what stands for a code lies to it."""

    EXACT = "exact"
    BROADER = "broader"
    NARROWER = "narrower"
    NONE = "none"
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"
    """A gene symbol that several genes have or had."""


class Currency(StrEnum):
    """Whether a code is still to be used."""

    CURRENT = "current"
    REPLACED = "replaced"
    """Obsolete, and it is known what stands in its place."""
    OBSOLETE = "obsolete"
    """Obsolete, without anything in its place."""


@dataclass(frozen=True)
class Outcome:
    """What becomes of a code.

    Attributes:
        text: the code as it is written in the data.
        code: the canonical CURIE; None where the text is no code of a known vocabulary.
        standing: how the targets lie to the code.
        currency: whether the code is still to be used.
        conversions: all that are as near as any other, in order of the targets' names.
        converted: whether the targets are written in the code's place.
        note: what else is to be known.
        symbol: whether the text is a gene symbol.
    """

    text: str
    code: str | None
    standing: Standing
    currency: Currency = Currency.CURRENT
    conversions: tuple[Conversion, ...] = ()
    converted: bool = False
    note: str = ""
    symbol: bool = False

    @property
    def name(self) -> str:
        """What reports call the code: its canonical CURIE, or the text where it is none."""
        return self.text if self.code is None or self.symbol else self.code

    @property
    def distance(self) -> int:
        """Steps up or down."""
        return self.conversions[0].distance if self.conversions else 0

    @property
    def changed(self) -> bool:
        """Whether another code is written than the one there was."""
        return self.converted and [each.target for each in self.conversions] != [self.code]


class CodeConverter:
    """Converts the codes of data into one vocabulary.

    Args:
        hub: what is known.
        vocabulary: the canonical prefix of the wanted vocabulary.
        narrower: whether a narrower code is written where there is neither an exact nor a broader
            one. It says more than is known.
        every: whether all codes that are equally near are written, and not the first alone.
        only: the vocabularies whose codes are converted; empty for all.
        default: the vocabulary of codes that are written without prefix.
        symbols: whether genes are written as approved symbols and not as identifiers.

    Raises:
        UnknownTermError: the hub has nothing of the vocabulary.
    """

    def __init__(
        self,
        hub: Hub,
        vocabulary: str,
        *,
        narrower: bool = False,
        every: bool = False,
        only: Iterable[str] = (),
        default: str | None = None,
        symbols: bool = False,
    ) -> None:
        for name in (vocabulary, *only):
            if name not in hub.vocabularies:
                raise UnknownTermError("vocabulary", name, hub.vocabularies)
        self.hub = hub
        self.vocabulary = vocabulary
        self.every = every
        self._narrower = narrower
        self._only = frozenset(only)
        self._default = default
        self._symbols = symbols
        self._converter = Converter(hub, vocabulary)
        self._genes = GeneSymbols(hub) if vocabulary in GENE_VOCABULARIES else None
        self.recognise = cache(self._recognise)
        self.convert = cache(self._convert)

    @property
    def knows_symbols(self) -> bool:
        """Whether texts without prefix may be gene symbols."""
        return self._genes is not None and self._genes.known

    def is_bare_code(self, text: str) -> bool:
        """Say whether a text without prefix is a code, or a symbol, old or new, of a gene."""
        if self._default is not None:
            try:
                return self._is_meant(normalise(text, self._default))
            except IdentifierError:
                return False
        return self._genes is not None and bool(self._genes.find(text).genes)

    def _recognise(self, text: str) -> bool:
        """Say whether a text is a code, with its prefix or as an IRI, that is to be converted."""
        if ":" not in text:
            return False
        try:
            return self._is_meant(normalise(text))
        except IdentifierError:
            return False

    def _is_meant(self, code: str) -> bool:
        return not self._only or code.partition(":")[0] in self._only

    def _convert(self, text: str) -> Outcome | None:
        """Convert a text that stands where codes are expected.

        Returns:
            What becomes of it; None for codes of vocabularies that are not to be converted.
        """
        if self._genes is not None and self._default is None and ":" not in text:
            return self._convert_symbol(text)
        try:
            code = normalise(text, self._default)
        except IdentifierError:
            return Outcome(text, None, Standing.UNKNOWN, note="no code of a known vocabulary")
        return self._converted(text, code) if self._is_meant(code) else None

    def _convert_symbol(self, text: str) -> Outcome | None:
        assert self._genes is not None  # noqa: S101 - the caller has looked
        found = self._genes.find(text)
        if len(found.genes) == 1:
            outcome = self._converted(text, found.genes[0])
            note = "; ".join(part for part in (found.note, outcome.note) if part)
            return replace(outcome, note=note, symbol=True)
        standing = Standing.AMBIGUOUS if found.genes else Standing.UNKNOWN
        return Outcome(text, None, standing, note=found.note, symbol=True)

    def _converted(self, text: str, code: str) -> Outcome:
        found = self._converter.convert(code)
        standing = Standing(found[0].relation.value)
        hits = tuple(each for each in found if each.target is not None)
        currency = self._currency(code)
        if not hits and code.startswith(self.vocabulary + ":") and currency is Currency.CURRENT:
            # A code of the wanted vocabulary that the hub does not know is one all the same.
            hits, standing = (Conversion(code, code, Relation.EXACT),), Standing.EXACT
        written = bool(hits) and (standing is not Standing.NARROWER or self._narrower)
        note = ""
        if len(hits) > 1:
            note = f"{len(hits)} codes are equally near" + (
                "" if self.every else "; the first is taken"
            )
        return Outcome(text, code, standing, currency, hits, written, note)

    def _currency(self, code: str) -> Currency:
        if code not in self.hub.obsolete:
            return Currency.CURRENT
        return Currency.REPLACED if self.hub.term(code).replaced_by else Currency.OBSOLETE

    def targets(self, outcome: Outcome) -> tuple[str, ...]:
        """Give the codes that are written in a code's place; none where it stays as it is."""
        if not outcome.converted:
            return ()
        taken = outcome.conversions if self.every else outcome.conversions[:1]
        return tuple(each.target for each in taken if each.target is not None)

    def written(self, text: str, target: str) -> str:
        """Write a target in the way in which a text was written: as IRI, CURIE or symbol."""
        if self._symbols and self.knows_symbols:
            return self.label(target) or target
        if "://" in text:
            try:
                return iri_of(target)
            except IdentifierError:
                return target
        return target

    def label(self, code: str) -> str | None:
        """Give a code's label; None where the hub has none."""
        return self.hub.term(code).label if code in self.hub else self.hub.labels.get(code)

    def way(self, conversion: Conversion) -> str:
        """Describe the steps from source to target, for people."""
        if not conversion.steps:
            return ""
        arrows = [conversion.source]
        for step in conversion.steps:
            arrows += [f"-{step.predicate}->", step.end]
        return " ".join(arrows)

    def mappings(self, conversion: Conversion) -> tuple[str, ...]:
        """Name what each step is based on: a mapping set and a row of it, or a terminology."""
        return tuple(dict.fromkeys(self._basis(step) for step in conversion.steps))

    def _basis(self, step: Step) -> str:
        if step.mapping is not None:
            return str(self.hub.mappings["source"][step.mapping])
        owner = self.hub.terminologies[step.start.partition(":")[0]]
        what = "replacements" if step.predicate == REPLACED else "hierarchy"
        return " ".join(part for part in (owner.name, owner.version, what) if part)
