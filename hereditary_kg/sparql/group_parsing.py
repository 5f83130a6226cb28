"""The fifth floor of the parser: groups and what may stand in them.

Source: SPARQL 1.1 Query Language, sections 5 to 8, 10, 12, 13.3 and 18.2.2.
"""

from hereditary_kg.rdf.terms import IRI
from hereditary_kg.sparql.algebra import (
    UNIT,
    Expression,
    Extend,
    Filter,
    Graph,
    Join,
    LeftJoin,
    Minus,
    Pattern,
    Service,
    Union,
    Variable,
    conjunction,
)
from hereditary_kg.sparql.lexing import Token
from hereditary_kg.sparql.select_parsing import SelectParser

__all__ = ["GroupParser"]

_KEYWORDS = ("BIND", "FILTER", "GRAPH", "MINUS", "OPTIONAL", "SERVICE", "UNION", "VALUES")


class GroupParser(SelectParser):
    """Reads ``{ … }``."""

    def group_graph_pattern(self) -> Pattern:
        """Read ``{ … }``, a sub-select or a group, and add what it binds to the scope."""
        opening = self.expect("{", "before the group")
        if self.at_word("SELECT"):
            return self._sub_select(opening)
        pattern, filters = self._group(opening)
        return Filter.of(conjunction(filters), pattern) if filters else pattern

    def _sub_select(self, opening: Token) -> Pattern:
        outer = self.scope
        pattern, variables, _ = self.select(dataset_allowed=False)
        self.begin_block()
        self.close(opening, "}", "the sub-select")
        outer.update(dict.fromkeys(variables))
        self.scope = outer
        return pattern

    def _group(self, opening: Token) -> tuple[Pattern, tuple[Expression, ...]]:
        """Read a group behind its opening brace: its pattern and the filters over all of it."""
        outer, self.scope = self.scope, {}
        pattern: Pattern = UNIT
        filters: list[Expression] = []
        ended = True
        while not self.at("}"):
            if self.at_subject():
                if not ended:
                    raise self.error(f"expected '.' before {self.shown()}")
                pattern = Join.of((pattern, *self.triples_block()))
                ended = self.tokens[self.position - 1].text == "."
                continue
            ended = True
            if self.take_word("FILTER"):
                filters.append(self._without_aggregates())
            else:
                pattern = self._group_element(pattern, opening)
            self.take(".")
        self.advance()
        outer.update(self.scope)
        self.scope = outer
        return pattern, tuple(filters)

    def _without_aggregates(self) -> Expression:
        outer, self.aggregates = self.aggregates, None
        condition = self.constraint()
        self.aggregates = outer
        return condition

    def _group_element(self, pattern: Pattern, opening: Token) -> Pattern:
        """Read one element and give what it makes of the ``pattern`` before it."""
        if self.take_word("BIND"):
            return self._bind(pattern)
        if self.take_word("VALUES"):
            data = self.values()
            self.scope.update(dict.fromkeys(data.variables))
            return Join.of((pattern, data))
        self.begin_block()
        if self.take_word("OPTIONAL"):
            pattern = self._optional(pattern)
        elif self.take_word("MINUS"):
            pattern = self._minus(pattern)
        elif self.take_word("GRAPH"):
            name = self._name("after GRAPH")
            pattern = Join.of((pattern, Graph(name, self.group_graph_pattern())))
        elif self.take_word("SERVICE"):
            silent = self.take_word("SILENT")
            name = self._name("after SERVICE")
            pattern = Join.of((pattern, Service(name, self.group_graph_pattern(), silent)))
        elif self.at("{"):
            pattern = Join.of((pattern, self._union()))
        else:
            if self.token.kind == "end":
                self.close(opening, "}", "the group")
            raise self.error(
                f"expected a triple, a filter or }}, found {self.shown()}",
                hint=self.nearest(_KEYWORDS) or self.iri_hint(),
            )
        self.begin_block()
        return pattern

    def _name(self, where: str) -> Variable | IRI:
        if not self.at_variable():
            return self.iri(where)
        name = self.variable(where)
        self.scope[name] = None
        return name

    def _optional(self, pattern: Pattern) -> Pattern:
        """Read what OPTIONAL adds: only filters directly in its braces are its condition."""
        following = self.tokens[min(self.position + 1, len(self.tokens) - 1)]
        if not self.at("{") or (following.kind == "word" and following.text.upper() == "SELECT"):
            return LeftJoin.of(pattern, self.group_graph_pattern())
        inner, filters = self._group(self.advance())
        return LeftJoin.of(pattern, inner, conjunction(filters) if filters else None)

    def _minus(self, pattern: Pattern) -> Pattern:
        outer, self.scope = self.scope, {}
        subtracted = self.group_graph_pattern()
        self.scope = outer
        return Minus.of(pattern, subtracted)

    def _union(self) -> Pattern:
        branches = [self.group_graph_pattern()]
        while self.take_word("UNION"):
            self.begin_block()
            branches.append(self.group_graph_pattern())
        return Union.of(branches)

    def _bind(self, pattern: Pattern) -> Pattern:
        outer, self.aggregates = self.aggregates, None
        opening = self.expect("(", "after BIND")
        expression = self.expression()
        self.aggregates = outer
        self.expect_word("AS", "after the expression")
        token = self.token
        variable = self.variable("after AS")
        self.close(opening, ")", "BIND")
        if variable in self.scope:
            raise self.error(
                f"{token.text} has a value already",
                token,
                "BIND names a new variable; to compare with the old one, use FILTER.",
            )
        self.scope[variable] = None
        return Extend(pattern, variable, expression)
