"""The fourth floor of the parser: SELECT clauses and solution modifiers.

Source: SPARQL 1.1 Query Language, sections 11, 15, 16.1 and 18.2.4 to 18.2.5.
"""

from abc import ABC
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hereditary_kg.sparql.algebra import (
    Aggregate,
    Dataset,
    Distinct,
    Expression,
    Extend,
    Filter,
    Group,
    Join,
    OrderBy,
    OrderKey,
    Pattern,
    Project,
    Reduced,
    Slice,
    Variable,
    conjunction,
)
from hereditary_kg.sparql.expression_parsing import AGGREGATES, ExpressionParser
from hereditary_kg.sparql.lexing import Token
from hereditary_kg.sparql.variables import expression_variables

if TYPE_CHECKING:
    from hereditary_kg.rdf.terms import IRI

__all__ = ["SelectParser"]


@dataclass(frozen=True, slots=True)
class _Item:
    """What is selected: a variable, and the expression behind it if it names one."""

    variable: Variable
    expression: Expression | None
    token: Token


@dataclass(frozen=True, slots=True)
class _SelectClause:
    """What stands between SELECT and WHERE; no items stand for ``*``."""

    start: Token
    keyword: str | None
    items: tuple[_Item, ...] | None
    aggregates: dict[Aggregate, Variable] = field(default_factory=dict)


class SelectParser(ExpressionParser, ABC):
    """Reads selects, and the solution modifiers of every query form."""

    def select(self, *, dataset_allowed: bool) -> tuple[Pattern, tuple[Variable, ...], Dataset]:
        """Read a SELECT query or sub-select: its pattern, what it shows, its dataset."""
        outer = self.aggregates
        clause = self._select_clause()
        dataset = self.dataset() if dataset_allowed else Dataset()
        pattern = self.where()
        pattern, variables = self._modifiers(pattern, clause)
        self.aggregates = outer
        return pattern, variables, dataset

    def modified(self, pattern: Pattern) -> Pattern:
        """Read the solution modifiers of a query form that projects nothing."""
        return self._modifiers(pattern, None)[0]

    def dataset(self) -> Dataset:
        """Read FROM and FROM NAMED clauses."""
        default: list[IRI] = []
        named: list[IRI] = []
        while self.take_word("FROM"):
            if self.take_word("NAMED"):
                named.append(self.iri("after FROM NAMED"))
            else:
                default.append(self.iri("after FROM"))
        return Dataset(tuple(default), tuple(named))

    def where(self) -> Pattern:
        """Read the group of a query, and begin its scope."""
        self.aggregates, self.scope = None, {}
        self.begin_block()
        if not self.take_word("WHERE") and not self.at("{"):
            raise self.error(
                f"expected WHERE or '{{', found {self.shown()}",
                hint=self.nearest(("WHERE", "FROM")),
            )
        return self.group_graph_pattern()

    # The SELECT clause

    def _select_clause(self) -> _SelectClause:
        start = self.advance()
        keyword = self.advance().text.upper() if self.at_word("DISTINCT", "REDUCED") else None
        if self.at("*"):
            return _SelectClause(self.advance(), keyword, None)
        aggregates: dict[Aggregate, Variable] = {}
        self.aggregates = aggregates
        items: list[_Item] = []
        while self.at_variable() or self.at("("):
            items.append(self._item())
            if self.at(","):
                raise self.error("unexpected ','", hint="Spaces stand between what is selected.")
        if not items:
            hint = None
            if self.at_word(*AGGREGATES):
                hint = f"Put it in brackets and name it: ({self.token.text}(…) AS ?name)"
            raise self.error(
                f"expected variables or * after SELECT, found {self.shown()}", hint=hint
            )
        return _SelectClause(start, keyword, tuple(items), aggregates)

    def _item(self) -> _Item:
        token = self.token
        if self.at_variable():
            return _Item(self.variable("to select"), None, token)
        self.expect("(", "before the expression")
        expression = self.expression()
        if not self.take_word("AS"):
            raise self.error(
                f"expected AS after the expression, found {self.shown()}",
                hint="What is computed needs a name: (… AS ?name)",
            )
        named = self.token
        variable = self.variable("after AS")
        self.close(token, ")", "the expression")
        return _Item(variable, expression, named)

    # Solution modifiers

    def _modifiers(
        self, pattern: Pattern, clause: _SelectClause | None
    ) -> tuple[Pattern, tuple[Variable, ...]]:
        """Read GROUP BY to VALUES and put the whole select together (section 18.2.4)."""
        scope = self.scope
        keys, pattern = self._group_by(pattern)
        aggregates = clause.aggregates if clause else {}
        self.aggregates = aggregates
        conditions = self._having()
        order = self._order_by()
        self.aggregates = None
        offset, limit = self._limits()
        if keys is not None or aggregates:
            named = tuple((variable, aggregate) for aggregate, variable in aggregates.items())
            pattern = Group(pattern, keys or (), named)
            if clause is not None:
                self._check_grouped(clause, {*(keys or ()), *aggregates.values()})
        if conditions:
            pattern = Filter.of(conjunction(conditions), pattern)
        if self.take_word("VALUES"):
            data = self.values()
            scope.update(dict.fromkeys(data.variables))
            pattern = Join.of((pattern, data))
        variables = tuple(variable for variable in scope if not variable.hidden)
        if clause is not None and clause.items is not None:
            pattern, variables = self._extended(pattern, clause.items, {*scope, *(keys or ())})
        if order:
            pattern = OrderBy(pattern, order)
        if clause is not None:
            pattern = Project(pattern, variables)
            if clause.keyword:
                pattern = Distinct(pattern) if clause.keyword == "DISTINCT" else Reduced(pattern)
        if offset or limit is not None:
            pattern = Slice(pattern, offset, limit)
        return pattern, variables

    def _extended(
        self, pattern: Pattern, items: tuple[_Item, ...], scope: set[Variable]
    ) -> tuple[Pattern, tuple[Variable, ...]]:
        variables: dict[Variable, None] = {}
        for item in items:
            if item.expression is not None:
                if item.variable in scope or item.variable in variables:
                    raise self.error(
                        f"{item.token.text} has a value already",
                        item.token,
                        "What is computed needs a name of its own.",
                    )
                pattern = Extend(pattern, item.variable, item.expression)
            variables[item.variable] = None
        return pattern, tuple(variables)

    def _check_grouped(self, clause: _SelectClause, known: set[Variable]) -> None:
        if clause.items is None:
            raise self.error(
                "SELECT * cannot stand with GROUP BY or aggregates",
                clause.start,
                "Name what to show: the variables of GROUP BY and what is aggregated.",
            )
        for item in clause.items:
            if item.expression is None:
                read = frozenset((item.variable,))
            else:
                read = expression_variables(item.expression, into_exists=False)
            for missing in sorted(read - known):
                raise self.error(
                    f"{missing} is neither grouped by nor aggregated",
                    item.token,
                    f"Add {missing} to GROUP BY, or use SAMPLE({missing}).",
                )
            known.add(item.variable)

    def _at_constraint(self) -> bool:
        """Whether an expression in brackets or a call is at hand."""
        if self.token.kind == "word":
            return not self.at_word("HAVING", "ORDER", "LIMIT", "OFFSET", "VALUES")
        return self.at("(") or self.at_iri()

    def _group_by(self, pattern: Pattern) -> tuple[tuple[Variable, ...] | None, Pattern]:
        if not self.take_word("GROUP"):
            return None, pattern
        self.expect_word("BY", "after GROUP")
        keys: list[Variable] = []
        while self.at_variable() or self._at_constraint():
            key, expression, token = self._group_key()
            if expression is not None:
                if key in self.scope or key in keys:
                    raise self.error(f"{token.text} has a value already", token)
                pattern = Extend(pattern, key, expression)
            keys.append(key)
        if not keys:
            raise self.error(f"expected what to group by, found {self.shown()}")
        return tuple(dict.fromkeys(keys)), pattern

    def _group_key(self) -> tuple[Variable, Expression | None, Token]:
        token = self.token
        if self.at_variable():
            return self.variable("to group by"), None, token
        if not self.at("("):
            return self.fresh_variable("k"), self.constraint(), token
        opening = self.advance()
        expression = self.expression()
        key = None
        if self.take_word("AS"):
            token = self.token
            key = self.variable("after AS")
        self.close(opening, ")", "the expression")
        if key is None and isinstance(expression, Variable):
            return expression, None, token
        return key or self.fresh_variable("k"), expression, token

    def _having(self) -> list[Expression]:
        conditions: list[Expression] = []
        if self.take_word("HAVING"):
            conditions.append(self.constraint())
            while self._at_constraint():
                conditions.append(self.constraint())
        return conditions

    def _order_by(self) -> tuple[OrderKey, ...]:
        if not self.take_word("ORDER"):
            return ()
        self.expect_word("BY", "after ORDER")
        keys: list[OrderKey] = []
        while True:
            if self.at_word("ASC", "DESC"):
                descending = self.advance().text.upper() == "DESC"
                keys.append(OrderKey(self.bracketed(), descending))
            elif self.at_variable():
                keys.append(OrderKey(self.variable("to order by")))
            elif self._at_constraint():
                keys.append(OrderKey(self.constraint()))
            else:
                break
            if self.at(","):
                raise self.error("unexpected ','", hint="Spaces stand between what orders.")
        if not keys:
            raise self.error(f"expected what to order by, found {self.shown()}")
        return tuple(keys)

    def _limits(self) -> tuple[int, int | None]:
        found: dict[str, int] = {}
        while self.at_word("LIMIT", "OFFSET"):
            token = self.advance()
            word = token.text.upper()
            if word in found:
                raise self.error(f"{word} stands twice", token)
            if self.token.kind != "integer":
                raise self.error(f"expected a whole number after {word}, found {self.shown()}")
            found[word] = int(self.advance().text)
        return found.get("OFFSET", 0), found.get("LIMIT")
