"""The third floor of the parser: expressions, built-in calls and aggregates.

Source: SPARQL 1.1 Query Language, sections 17 and 19.8, productions 106 to 128.
"""

import difflib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from hereditary_kg.rdf.terms import IRI, XSD
from hereditary_kg.sparql.algebra import Aggregate, Call, Exists, Expression, FunctionCall, Variable
from hereditary_kg.sparql.lexing import Token
from hereditary_kg.sparql.triple_parsing import TripleParser

if TYPE_CHECKING:
    from hereditary_kg.sparql.algebra import Pattern

__all__ = ["AGGREGATES", "FUNCTIONS", "ExpressionParser"]

# Name of each built-in function, and the fewest and most arguments it takes.
FUNCTIONS: dict[str, tuple[int, int | None]] = {
    "ABS": (1, 1),
    "BNODE": (0, 1),
    "BOUND": (1, 1),
    "CEIL": (1, 1),
    "COALESCE": (0, None),
    "CONCAT": (0, None),
    "CONTAINS": (2, 2),
    "DATATYPE": (1, 1),
    "DAY": (1, 1),
    "ENCODE_FOR_URI": (1, 1),
    "FLOOR": (1, 1),
    "HOURS": (1, 1),
    "IF": (3, 3),
    "IRI": (1, 1),
    "ISBLANK": (1, 1),
    "ISIRI": (1, 1),
    "ISLITERAL": (1, 1),
    "ISNUMERIC": (1, 1),
    "ISURI": (1, 1),
    "LANG": (1, 1),
    "LANGMATCHES": (2, 2),
    "LCASE": (1, 1),
    "MD5": (1, 1),
    "MINUTES": (1, 1),
    "MONTH": (1, 1),
    "NOW": (0, 0),
    "RAND": (0, 0),
    "REGEX": (2, 3),
    "REPLACE": (3, 4),
    "ROUND": (1, 1),
    "SAMETERM": (2, 2),
    "SECONDS": (1, 1),
    "SHA1": (1, 1),
    "SHA256": (1, 1),
    "SHA384": (1, 1),
    "SHA512": (1, 1),
    "STR": (1, 1),
    "STRAFTER": (2, 2),
    "STRBEFORE": (2, 2),
    "STRDT": (2, 2),
    "STRENDS": (2, 2),
    "STRLANG": (2, 2),
    "STRLEN": (1, 1),
    "STRSTARTS": (2, 2),
    "STRUUID": (0, 0),
    "SUBSTR": (2, 3),
    "TIMEZONE": (1, 1),
    "TZ": (1, 1),
    "UCASE": (1, 1),
    "URI": (1, 1),
    "UUID": (0, 0),
    "YEAR": (1, 1),
}

AGGREGATES = ("COUNT", "SUM", "MIN", "MAX", "AVG", "SAMPLE", "GROUP_CONCAT")

# XML Schema Part 2, section 3: the names that a cast may have, asked for or not by SPARQL.
_CASTS = {
    XSD + name
    for name in (
        *("boolean", "double", "float", "decimal", "integer", "string", "anyURI"),
        *("dateTime", "dateTimeStamp", "date", "time", "duration", "dayTimeDuration"),
        *("yearMonthDuration", "gYear", "gYearMonth", "gMonth", "gMonthDay", "gDay"),
        *("long", "int", "short", "byte", "nonNegativeInteger", "positiveInteger"),
        *("nonPositiveInteger", "negativeInteger", "unsignedLong", "unsignedInt"),
        *("unsignedShort", "unsignedByte", "hexBinary", "base64Binary", "token"),
        *("normalizedString", "language", "Name", "NCName", "NMTOKEN"),
    )
}


class ExpressionParser(TripleParser, ABC):
    """Reads expressions; the patterns of EXISTS are read by the floor above."""

    def __init__(self, text: str, prefixes: dict[str, str], base: str | None) -> None:
        super().__init__(text, prefixes, base)
        # Where aggregates may stand, they are collected here under the variable that holds them.
        self.aggregates: dict[Aggregate, Variable] | None = None
        self.calls_iri = False

    @abstractmethod
    def group_graph_pattern(self) -> "Pattern":
        """Read ``{ … }``."""

    def expression(self) -> Expression:
        """Read an expression."""
        return self._operands("||", self._conjunction)

    def _conjunction(self) -> Expression:
        return self._operands("&&", self._relation)

    def _operands(self, sign: str, read: Callable[[], Expression]) -> Expression:
        operands = [read()]
        while self.take(sign):
            operands.append(read())
        return operands[0] if len(operands) == 1 else Call(sign, tuple(operands))

    def _relation(self) -> Expression:
        left = self._sum()
        if self.at("=", "!=", "<", ">", "<=", ">="):
            return Call(self.advance().text, (left, self._sum()))
        if self.take_word("IN"):
            return Call("IN", (left, *self._arguments()))
        if self.take_word("NOT"):
            self.expect_word("IN", "after NOT")
            return Call("NOT IN", (left, *self._arguments()))
        return left

    def _sum(self) -> Expression:
        left = self._product()
        while self.at("+", "-"):
            left = Call(self.advance().text, (left, self._product()))
        return left

    def _product(self) -> Expression:
        left = self._unary()
        while self.at("*", "/"):
            left = Call(self.advance().text, (left, self._unary()))
        return left

    def _unary(self) -> Expression:
        if self.at("+", "-"):
            number = self.literal()
            if number is not None:
                return number
            sign = self.advance().text
            return Call(sign, (self._primary(),))
        if self.take("!"):
            return Call("!", (self._unary(),))
        return self._primary()

    def _primary(self) -> Expression:
        if self.at("("):
            return self.bracketed()
        if self.at_variable():
            return self.variable("here")
        if self.at_iri():
            return self._iri_or_call()
        term = self.literal()
        if term is not None:
            return term
        if self.token.kind == "word":
            return self.built_in_call()
        raise self.error(f"expected an expression, found {self.shown()}")

    def bracketed(self) -> Expression:
        """Read ``( expression )``."""
        opening = self.expect("(", "before the expression")
        inner = self.expression()
        self.close(opening, ")", "the bracket")
        return inner

    def constraint(self) -> Expression:
        """Read what may stand behind FILTER, HAVING or ORDER BY without AS."""
        if self.at("("):
            return self.bracketed()
        if self.at_iri():
            start = self.token
            call = self._iri_or_call()
            if isinstance(call, IRI):
                raise self.error("expected a function call or an expression in brackets", start)
            return call
        if self.token.kind == "word":
            return self.built_in_call()
        raise self.error(f"expected an expression in brackets, found {self.shown()}")

    def _iri_or_call(self) -> Expression:
        start = self.token
        function = self.iri("here")
        if not self.at("("):
            return function
        if function.value.startswith(XSD) and function.value not in _CASTS:
            near = difflib.get_close_matches(function.value, _CASTS, n=1)
            hint = f"Did you mean {near[0].replace(XSD, 'xsd:')}?" if near else None
            raise self.error(f"unknown cast {start.text}", start, hint)
        opening = self.expect("(", "before the arguments")
        distinct = self.take_word("DISTINCT")
        return FunctionCall(function, self._listed(opening), distinct)

    def _arguments(self) -> tuple[Expression, ...]:
        return self._listed(self.expect("(", "before the arguments"))

    def _listed(self, opening: Token) -> tuple[Expression, ...]:
        """Read expressions up to the closing bracket."""
        found: list[Expression] = []
        if self.take(")"):
            return ()
        while True:
            found.append(self.expression())
            if self.take(")"):
                return tuple(found)
            if self.token.kind == "end":
                self.close(opening, ")", "the arguments")
            self.expect(",", "between the arguments")

    def built_in_call(self) -> Expression:
        """Read a built-in function, EXISTS or an aggregate."""
        start = self.token
        name = start.text.upper()
        if name in AGGREGATES:
            return self._aggregate()
        if self.take_word("EXISTS"):
            return self._exists(negated=False)
        if self.take_word("NOT"):
            self.expect_word("EXISTS", "after NOT")
            return self._exists(negated=True)
        if name not in FUNCTIONS:
            raise self._unknown_function(start)
        self.advance()
        self.calls_iri |= name in ("IRI", "URI")
        arguments = self._arguments()
        self._check_arguments(start, name, arguments)
        return Call(name, arguments)

    def _exists(self, *, negated: bool) -> Exists:
        outer = self.aggregates, self.scope, self.block
        self.aggregates, self.scope = None, {}
        self.begin_block()
        pattern = self.group_graph_pattern()
        self.aggregates, self.scope, self.block = outer
        return Exists(pattern, negated)

    def _check_arguments(self, start: Token, name: str, arguments: tuple[Expression, ...]) -> None:
        fewest, most = FUNCTIONS[name]
        if len(arguments) < fewest or (most is not None and len(arguments) > most):
            wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
            raise self.error(f"{name} takes {wanted} argument(s), not {len(arguments)}", start)
        if name == "BOUND" and not isinstance(arguments[0], Variable):
            raise self.error("BOUND takes a variable", start)

    def _unknown_function(self, token: Token) -> Exception:
        hint = self.nearest([*FUNCTIONS, *AGGREGATES, "EXISTS"])
        following = self.tokens[self.position + 1]
        if following.kind == "sign" and following.text == "(":
            return self.error(f"unknown function {token.text}", token, hint)
        return self.error(f"expected an expression, found {self.shown()}", token, hint)

    def _aggregate(self) -> Expression:
        start = self.advance()
        name = start.text.upper()
        if self.aggregates is None:
            raise self.error(
                f"{name} cannot stand here",
                start,
                "Aggregates belong into SELECT, HAVING or ORDER BY, and not inside each other.",
            )
        collected, self.aggregates = self.aggregates, None
        opening = self.expect("(", f"after {name}")
        distinct = self.take_word("DISTINCT")
        argument = None if name == "COUNT" and self.take("*") else self.expression()
        separator = None
        if name == "GROUP_CONCAT" and self.take(";"):
            self.expect_word("SEPARATOR", "after ;")
            self.expect("=", "after SEPARATOR")
            separator = self.string("as separator")
        self.close(opening, ")", name)
        self.aggregates = collected
        aggregate = Aggregate(name, argument, distinct, separator)
        if aggregate not in collected:
            collected[aggregate] = self.fresh_variable("a")
        return collected[aggregate]
