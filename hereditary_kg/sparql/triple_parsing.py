"""The second floor of the parser: triples, collections and property paths.

Paths that are only notation become what they stand for at once: ``^p`` swaps the ends,
``p/q`` two patterns with a hidden variable between them, ``p|q`` a union. What is left in a
basic graph pattern are repetitions and negated property sets.

Source: SPARQL 1.1 Query Language, sections 4.2, 9 and 18.2.2.3 to 18.2.2.4.
"""

from hereditary_kg.rdf.terms import IRI, RDF_TYPE, Literal
from hereditary_kg.sparql.algebra import (
    BGP,
    AlternativePath,
    InversePath,
    Join,
    NegatedPropertySet,
    Path,
    Pattern,
    RepeatedPath,
    SequencePath,
    TriplePattern,
    Union,
    Variable,
    VariableOrTerm,
    empty,
)
from hereditary_kg.sparql.term_parsing import TermParser

__all__ = ["TripleParser"]

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_FIRST, _REST, _NIL = IRI(_RDF + "first"), IRI(_RDF + "rest"), IRI(_RDF + "nil")


class TripleParser(TermParser):
    """Reads blocks of triples into patterns."""

    def triples_block(self, *, paths: bool = True) -> list[Pattern]:
        """Read triples up to something that begins no triple.

        Args:
            paths: whether property paths are allowed (they are not in CONSTRUCT templates).
        """
        found: list[Pattern] = []
        while self.at_subject():
            self._same_subject(found, paths=paths)
            if not self.take("."):
                break
        return found

    def at_subject(self) -> bool:
        """Whether something that may begin a triple is at hand."""
        token = self.token
        if token.kind in ("variable", "iri", "name", "blank", "string"):
            return True
        if token.kind in ("integer", "decimal", "double"):
            return True
        if token.kind == "word":
            return token.text.lower() in ("true", "false")
        return self.at("[", "(") or self.at_signed_number()

    def _same_subject(self, found: list[Pattern], *, paths: bool) -> None:
        compound = self._at_compound()
        subject = self._node(found, "as subject", paths=paths)
        if self._at_verb() or not compound:
            self._property_list(subject, found, paths=paths)

    def _at_compound(self) -> bool:
        """Whether ``[ … ]`` or ``( … )`` is at hand, which needs no property list behind it."""
        following = self.tokens[min(self.position + 1, len(self.tokens) - 1)]
        return (self.at("[") and following.text != "]") or (self.at("(") and following.text != ")")

    def _at_verb(self) -> bool:
        return (
            self.at_iri()
            or self.at_variable()
            or self.at("^", "!", "(")
            or (self.token.kind == "word" and self.token.text == "a")
        )

    def _property_list(self, subject: VariableOrTerm, found: list[Pattern], *, paths: bool) -> None:
        while True:
            if not self._at_verb():
                raise self.error(
                    f"expected a predicate, found {self.shown()}", hint=self.iri_hint()
                )
            predicate: Variable | Path
            if self.at_variable():
                predicate = self.variable("as predicate")
                self.scope[predicate] = None
            else:
                start = self.token
                predicate = self._path_alternative()
                if not paths and not isinstance(predicate, IRI):
                    raise self.error("a property path cannot stand in a template", start)
            while True:
                target = self._node(found, "as object", paths=paths)
                found.append(self._path_pattern(subject, predicate, target))
                if not self.take(","):
                    break
            if not self.take(";"):
                return
            while self.take(";"):
                pass
            if not self._at_verb():
                return

    def _node(self, found: list[Pattern], where: str, *, paths: bool) -> VariableOrTerm:
        """Read a term, a collection or a blank node with properties."""
        if self.at("(") and self.tokens[self.position + 1].text != ")":
            return self._collection(found, paths=paths)
        if self.take("("):
            self.expect(")", "to close the empty list")
            return _NIL
        if self._at_compound():
            opening = self.expect("[", where)
            node = self.fresh_variable("b")
            self._property_list(node, found, paths=paths)
            self.close(opening, "]", "the blank node")
            return node
        term = self.variable_or_term()
        if term is None:
            raise self.error(f"expected a term {where}, found {self.shown()}", hint=self.iri_hint())
        if isinstance(term, Variable):
            self.scope[term] = None
        return term

    def _collection(self, found: list[Pattern], *, paths: bool) -> VariableOrTerm:
        opening = self.expect("(", "to open a list")
        head = node = self.fresh_variable("b")
        while True:
            if self.token.kind == "end":
                self.close(opening, ")", "the list")
            item = self._node(found, "in the list", paths=paths)
            found.append(BGP((TriplePattern(node, _FIRST, item),)))
            if self.take(")"):
                found.append(BGP((TriplePattern(node, _REST, _NIL),)))
                return head
            following = self.fresh_variable("b")
            found.append(BGP((TriplePattern(node, _REST, following),)))
            node = following

    # Property paths

    def _path_alternative(self) -> Path:
        branches = [self._path_sequence()]
        while self.take("|"):
            branches.append(self._path_sequence())
        return branches[0] if len(branches) == 1 else AlternativePath(tuple(branches))

    def _path_sequence(self) -> Path:
        steps = [self._path_element()]
        while self.take("/"):
            steps.append(self._path_element())
        return steps[0] if len(steps) == 1 else SequencePath(tuple(steps))

    def _path_element(self) -> Path:
        if self.take("^"):
            return InversePath(self._repeated_path())
        return self._repeated_path()

    def _repeated_path(self) -> Path:
        path = self._path_primary()
        # The plus of ``:p +5`` belongs to the number: the longest token wins.
        if not self.at_signed_number():
            for modifier in "*+?":
                if self.take(modifier):
                    return RepeatedPath(path, modifier)
        return path

    def _path_primary(self) -> Path:
        if self.at("("):
            opening = self.advance()
            path = self._path_alternative()
            self.close(opening, ")", "the path")
            return path
        if self.take("!"):
            return self._negated_property_set()
        return self._path_iri()

    def _path_iri(self) -> IRI:
        if self.token.kind == "word" and self.token.text == "a":
            self.advance()
            return IRI(RDF_TYPE)
        return self.iri("in the path")

    def _negated_property_set(self) -> Path:
        forward: list[IRI] = []
        inverse: list[IRI] = []

        def read_one() -> None:
            (inverse if self.take("^") else forward).append(self._path_iri())

        if not self.take("("):
            read_one()
        elif not self.take(")"):
            read_one()
            while self.take("|"):
                read_one()
            self.expect(")", "to close the negated property set")
        if not forward and not inverse:
            # Not every engine reads ``!()``; some predicate or any other one is the same.
            some = IRI(RDF_TYPE)
            return AlternativePath((some, NegatedPropertySet((some,), ())))
        return NegatedPropertySet(tuple(forward), tuple(inverse))

    def _path_pattern(
        self, subject: VariableOrTerm, path: Variable | Path, target: VariableOrTerm
    ) -> Pattern:
        match path:
            case InversePath(inner):
                return self._path_pattern(target, inner, subject)
            case SequencePath(steps):
                parts = []
                start = subject
                for step in steps[:-1]:
                    middle = self.fresh_variable("p")
                    parts.append(self._path_pattern(start, step, middle))
                    start = middle
                parts.append(self._path_pattern(start, steps[-1], target))
                return Join.of(parts)
            case AlternativePath(branches):
                return Union.of(self._path_pattern(subject, branch, target) for branch in branches)
            case NegatedPropertySet(forward, inverse) if forward and inverse:
                # Section 18.2.2.3: the two directions are alternatives.
                return Union.of(
                    BGP((TriplePattern(subject, part, target),))
                    for part in (
                        NegatedPropertySet(forward, ()),
                        NegatedPropertySet((), inverse),
                    )
                )
            case Variable() | IRI() | NegatedPropertySet() if isinstance(subject, Literal):
                # Legal, but no triple has a literal as its subject.
                ends = (path, target)
                return empty(tuple(end for end in ends if isinstance(end, Variable)))
            case Variable() | IRI() | RepeatedPath() | NegatedPropertySet():
                return BGP((TriplePattern(subject, path, target),))
