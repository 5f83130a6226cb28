"""The first floor of the parser: tokens, terms, prefixes, variables and inline data.

The parser is a recursive descent in six layers, each a class that adds one part of the
grammar to the one below: terms, paths and triples, expressions, selects, groups, queries.

Source: SPARQL 1.1 Query Language, section 19.8 (grammar).
"""

import difflib
import re
from collections.abc import Iterable, Mapping

from hereditary_kg.rdf.terms import IRI, XSD, Literal, Term, unescape_literal
from hereditary_kg.sparql.algebra import Values, Variable, VariableOrTerm
from hereditary_kg.sparql.errors import SparqlSyntaxError
from hereditary_kg.sparql.iris import WELL_KNOWN_PREFIXES, find_iri_fault, is_absolute, resolve_iri
from hereditary_kg.sparql.lexing import Token, expand_codepoints, place, read_tokens

__all__ = ["TermParser"]

_HIDDEN_NUMBER = re.compile(Variable.HIDDEN + r"[a-z]+(\d{1,9})")
_NUMBERS = {"integer": XSD + "integer", "decimal": XSD + "decimal", "double": XSD + "double"}


class TermParser:
    """Reads tokens and the terms made of them."""

    def __init__(self, text: str, prefixes: Mapping[str, str], base: str | None) -> None:
        self.text = expand_codepoints(text)
        self.prefixes = dict(prefixes)
        self.base = base
        self.tokens = read_tokens(self.text)
        self.position = 0
        # A text that this package printed holds hidden variables already: count on from them.
        self._fresh = max(map(int, _HIDDEN_NUMBER.findall(self.text)), default=0)
        self._blank_variables: dict[str, Variable] = {}
        self._blank_block: dict[str, int] = {}
        self._blocks = 0
        # The variables in scope so far in the group at hand, in the order of the text.
        self.scope: dict[Variable, None] = {}
        # The basic graph pattern at hand, for the scope of blank node labels.
        self.block = 0

    # Tokens

    @property
    def token(self) -> Token:
        """The token at hand."""
        return self.tokens[self.position]

    def advance(self) -> Token:
        """Step over the token at hand and give it."""
        token = self.tokens[self.position]
        self.position += 1
        return token

    def at(self, *signs: str) -> bool:
        """Whether one of these signs is at hand."""
        return self.token.kind == "sign" and self.token.text in signs

    def at_word(self, *words: str) -> bool:
        """Whether one of these keywords (upper case) is at hand."""
        return self.token.kind == "word" and self.token.text.upper() in words

    def take(self, *signs: str) -> bool:
        """Step over one of these signs if it is at hand."""
        if self.at(*signs):
            self.position += 1
            return True
        return False

    def take_word(self, *words: str) -> bool:
        """Step over one of these keywords if it is at hand."""
        if self.at_word(*words):
            self.position += 1
            return True
        return False

    def expect(self, sign: str, where: str) -> Token:
        """Step over ``sign`` or fail, saying ``where`` it was expected."""
        if not self.at(sign):
            raise self.error(f"expected {sign!r} {where}, found {self.shown()}")
        return self.advance()

    def close(self, opening: Token, sign: str, what: str) -> None:
        """Step over the ``sign`` that closes ``what``, or point at its ``opening``."""
        if self.token.kind == "end":
            raise self.error(
                f"this {opening.text!r} is never closed", opening, f"Add {sign!r} to close {what}."
            )
        self.expect(sign, f"to close {what}")

    def expect_word(self, word: str, where: str) -> Token:
        """Step over the keyword ``word`` or fail, saying ``where`` it was expected."""
        if not self.at_word(word):
            raise self.error(f"expected {word} {where}, found {self.shown()}")
        return self.advance()

    def shown(self) -> str:
        """Name the token at hand for a message."""
        return "the end of the query" if self.token.kind == "end" else repr(self.token.text)

    def error(
        self, reason: str, token: Token | None = None, hint: str | None = None
    ) -> SparqlSyntaxError:
        """Give a syntax error at ``token``, or at the one at hand."""
        line, column = place(self.text, (token or self.token).start)
        return SparqlSyntaxError(reason, self.text, line, column, hint)

    def nearest(self, known: Iterable[str]) -> str | None:
        """Give a hint if the word at hand is nearly one of the ``known`` ones."""
        if self.token.kind != "word":
            return None
        near = difflib.get_close_matches(self.token.text.upper(), list(known), n=2, cutoff=0.7)
        return f"Did you mean {' or '.join(near)}?" if near else None

    # Variables and blank nodes

    def fresh_variable(self, purpose: str) -> Variable:
        """Make a variable that no query text can name by accident."""
        self._fresh += 1
        return Variable(f"{Variable.HIDDEN}{purpose}{self._fresh}")

    def at_variable(self) -> bool:
        """Whether a variable is at hand."""
        return self.token.kind == "variable"

    def variable(self, where: str) -> Variable:
        """Read a variable."""
        if not self.at_variable():
            raise self.error(f"expected a variable {where}, found {self.shown()}")
        return Variable(self.advance().text[1:])

    def begin_block(self) -> None:
        """Begin another basic graph pattern: blank node labels must not be taken along."""
        self._blocks += 1
        self.block = self._blocks

    def forget_labels(self) -> None:
        """End the scope of all blank node labels, as after the template of a CONSTRUCT."""
        self._blank_variables.clear()
        self._blank_block.clear()

    def blank_variable(self, token: Token) -> Variable:
        """Give the hidden variable of a labelled blank node (section 4.1.4)."""
        label = token.text
        if self._blank_block.setdefault(label, self.block) != self.block:
            raise self.error(
                f"the blank node {label} stands in two basic graph patterns",
                token,
                "Use a variable instead: a blank node label belongs to one group of triples.",
            )
        if label not in self._blank_variables:
            self._blank_variables[label] = self.fresh_variable("b")
        return self._blank_variables[label]

    # Terms

    def at_iri(self) -> bool:
        """Whether an IRI or a prefixed name is at hand."""
        return self.token.kind in ("iri", "name")

    def iri(self, where: str) -> IRI:
        """Read an IRI or a prefixed name."""
        if self.token.kind == "iri":
            return IRI(self._absolute(self.advance()))
        if self.token.kind == "name":
            return self._prefixed_name(self.advance())
        raise self.error(f"expected an IRI {where}, found {self.shown()}", hint=self.iri_hint())

    def iri_hint(self) -> str | None:
        """Give a hint if what is at hand looks like the beginning of an IRI."""
        return "An IRI ends with > and holds no space." if self.at("<") else None

    def _absolute(self, token: Token) -> str:
        reference = token.text[1:-1]
        fault = find_iri_fault(reference)
        if fault:
            raise self.error(f"{token.text} is no IRI: it holds {fault}", token)
        if is_absolute(reference):
            return reference
        if self.base is None:
            raise self.error(
                f"the IRI {token.text} is relative, and there is no base to complete it",
                token,
                "Write it in full, or add this line at the top: BASE <…>",
            )
        return resolve_iri(reference, self.base)

    def _prefixed_name(self, token: Token) -> IRI:
        prefix, _, local = token.text.partition(":")
        if prefix not in self.prefixes:
            raise self.error(f"unknown prefix {prefix + ':'!r}", token, self._prefix_hint(prefix))
        return IRI(self.prefixes[prefix] + local.replace("\\", ""))

    def _prefix_hint(self, prefix: str) -> str:
        if prefix.lower() in WELL_KNOWN_PREFIXES:
            namespace = WELL_KNOWN_PREFIXES[prefix.lower()]
            return f"Add this line at the top: PREFIX {prefix}: <{namespace}>"
        near = difflib.get_close_matches(prefix, self.prefixes, n=3, cutoff=0.5)
        if near:
            return "Did you mean " + " or ".join(f"{name}:" for name in near) + "?"
        known = difflib.get_close_matches(prefix.lower(), WELL_KNOWN_PREFIXES, n=1, cutoff=0.6)
        if known:
            namespace = WELL_KNOWN_PREFIXES[known[0]]
            return f"Did you mean {known[0]}: with PREFIX {known[0]}: <{namespace}>?"
        declared = ", ".join(f"{name}:" for name in sorted(self.prefixes)) or "none"
        return f"Declare it with PREFIX {prefix}: <…>. Declared so far: {declared}."

    def literal(self) -> Literal | None:
        """Read a literal if one is at hand."""
        token = self.token
        if token.kind == "string":
            return self._string_literal()
        if token.kind in _NUMBERS:
            self.advance()
            return Literal(token.text, _NUMBERS[token.kind])
        if self.at_signed_number():
            self.advance()
            following = self.advance()
            return Literal(token.text + following.text, _NUMBERS[following.kind])
        if self.token.kind == "word" and self.token.text.lower() in ("true", "false"):
            return Literal(self.advance().text.lower(), XSD + "boolean")
        return None

    def at_signed_number(self) -> bool:
        """Whether a sign with a number directly behind it is at hand: together one literal."""
        if not self.at("+", "-"):
            return False
        following = self.tokens[self.position + 1]
        return following.kind in _NUMBERS and following.start == self.token.end

    def string(self, where: str) -> str:
        """Read a quoted string and give its characters."""
        if self.token.kind != "string":
            raise self.error(f"expected a string {where}, found {self.shown()}")
        text = self.advance().text
        width = 3 if text.startswith(('"""', "'''")) and len(text) >= 6 else 1
        return unescape_literal(text[width:-width])

    def _string_literal(self) -> Literal:
        lexical = self.string("here")
        if self.token.kind == "language":
            return Literal(lexical, language=self.advance().text[1:])
        if self.take("^^"):
            return Literal(lexical, self.iri("as datatype behind ^^").value)
        return Literal(lexical)

    def data_term(self) -> Term | None:
        """Read an IRI or a literal if one is at hand."""
        return self.iri("here") if self.at_iri() else self.literal()

    def variable_or_term(self) -> VariableOrTerm | None:
        """Read a variable, IRI, literal or blank node if one is at hand."""
        if self.at_variable():
            return self.variable("here")
        if self.token.kind == "blank":
            return self.blank_variable(self.advance())
        if self.at("[") and self.tokens[self.position + 1].text == "]":
            self.position += 2
            return self.fresh_variable("b")
        return self.data_term()

    # Inline data

    def values(self) -> Values:
        """Read what stands behind VALUES."""
        if self.at_variable():
            variables: tuple[Variable, ...] = (self.variable("after VALUES"),)
            opening = self.expect("{", "before the data")
            rows: list[tuple[Term | None, ...]] = []
            while not self.at("}"):
                rows.append((self._value(opening),))
        else:
            variables = self._data_variables()
            opening = self.expect("{", "before the data")
            rows = []
            while not self.at("}"):
                rows.append(self._row(opening, len(variables)))
        self.advance()
        return Values(variables, tuple(rows))

    def _data_variables(self) -> tuple[Variable, ...]:
        self.expect("(", "after VALUES")
        names: list[Variable] = []
        while not self.take(")"):
            token = self.token
            name = self.variable("in VALUES")
            if name in names:
                raise self.error(f"{token.text} stands twice in VALUES", token)
            names.append(name)
        return tuple(names)

    def _row(self, opening: Token, width: int) -> tuple[Term | None, ...]:
        start = self.token
        if start.kind == "end":
            self.close(opening, "}", "the data")
        self.expect("(", "before a row of data")
        row: list[Term | None] = []
        while not self.at(")"):
            row.append(self._value(opening))
        self.advance()
        if len(row) != width:
            raise self.error(f"this row has {len(row)} value(s) for {width} variable(s)", start)
        return tuple(row)

    def _value(self, opening: Token) -> Term | None:
        kind = self.token.kind
        if kind == "word" and self.take_word("UNDEF"):
            return None
        if kind == "end":
            self.close(opening, "}", "the data")
        term = self.data_term()
        if term is None:
            hint = "Blank nodes and variables cannot stand in VALUES; UNDEF leaves a place empty."
            raise self.error(
                f"expected an IRI, a literal or UNDEF, found {self.shown()}", hint=hint
            )
        return term
