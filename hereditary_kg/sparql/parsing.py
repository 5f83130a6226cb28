r"""SPARQL text to algebra: prologue and query forms, the top floor of the parser.

This parser is the project's own. The one of rdflib needs 50 ms for a query of ten lines,
gives no place for an error, and changes literals (``-1.0e3``, ``\u`` escapes); this one
needs under 1 ms and points at the character. Two things hold it to the standard: the W3C
syntax tests, and Oxigraph, which must accept and refuse the same texts.

Source: SPARQL 1.1 Query Language, sections 18.2 and 19.8.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from hereditary_kg.rdf.terms import IRI, BlankNode, Literal
from hereditary_kg.sparql.algebra import (
    BGP,
    UNIT,
    Aggregate,
    AskQuery,
    Call,
    ConstructQuery,
    DescribeQuery,
    Exists,
    Expression,
    FunctionCall,
    Join,
    Pattern,
    Query,
    SelectQuery,
    TriplePattern,
    Variable,
    VariableOrTerm,
    children,
)
from hereditary_kg.sparql.errors import SparqlSyntaxError
from hereditary_kg.sparql.group_parsing import GroupParser
from hereditary_kg.sparql.variables import pattern_expressions

__all__ = ["parse_query"]

_FORMS = ("SELECT", "ASK", "CONSTRUCT", "DESCRIBE")
_UPDATES = ("INSERT", "DELETE", "LOAD", "CLEAR", "DROP", "CREATE", "ADD", "MOVE", "COPY", "WITH")
_ENDINGS = ("GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "VALUES")

# Later stages walk the algebra by recursion; this keeps them far from Python's limit.
_MOST_LEVELS = 200
# Longer texts are made by programs, one after the other; keeping them would only fill memory.
_MOST_CACHED_CHARACTERS = 20_000


def parse_query(
    text: str, prefixes: Mapping[str, str] | None = None, base: str | None = None
) -> Query:
    """Parse a SPARQL 1.1 query.

    Args:
        text: the query.
        prefixes: prefixes that need no declaration; the query's own come first.
        base: base IRI for relative references where the query has none.

    Raises:
        SparqlSyntaxError: the text is no SPARQL 1.1 query; the message points at the place.

    >>> parse_query("SELECT ?s { ?s a <urn:Person> }").variables
    (Variable(name='s'),)
    """
    known = tuple(sorted((prefixes or {}).items()))
    if len(text) > _MOST_CACHED_CHARACTERS:
        return _parse(text, known, base)
    return _parse_cached(text, known, base)


def _parse(text: str, prefixes: tuple[tuple[str, str], ...], base: str | None) -> Query:
    parser = QueryParser(text, dict(prefixes), base)
    try:
        query = parser.query()
    except RecursionError:
        raise parser.too_deep() from None
    if _levels(query.pattern) > _MOST_LEVELS:
        raise parser.too_deep()
    return query


_parse_cached = lru_cache(maxsize=512)(_parse)


def _levels(pattern: Pattern) -> int:
    """Count the levels of the deepest branch of ``pattern``, without recursion."""
    deepest = 0
    nodes: list[tuple[Pattern | Expression, int]] = [(pattern, 1)]
    while nodes:
        node, level = nodes.pop()
        deepest = max(deepest, level)
        nodes.extend((below, level + 1) for below in _below(node))
    return deepest


def _below(node: Pattern | Expression) -> Iterator[Pattern | Expression]:
    match node:
        case Call(_, arguments) | FunctionCall(_, arguments):
            yield from arguments
        case Exists(inner):
            yield inner
        case Aggregate(_, argument):
            yield from () if argument is None else (argument,)
        case Variable() | IRI() | BlankNode() | Literal():
            return
        case _:
            yield from children(node)
            yield from pattern_expressions(node)


class QueryParser(GroupParser):
    """Reads a whole query."""

    def query(self) -> Query:
        """Read prologue, query form and trailing VALUES."""
        self._prologue()
        if self.at_word("SELECT"):
            query: Query = self._select_query()
        elif self.at_word("ASK"):
            query = self._ask_query()
        elif self.at_word("CONSTRUCT"):
            query = self._construct_query()
        elif self.at_word("DESCRIBE"):
            query = self._describe_query()
        elif self.at_word(*_UPDATES):
            raise self.error(
                f"{self.token.text.upper()} is a SPARQL update, not a query",
                hint="A federation is read only: load data at the site that owns it.",
            )
        else:
            raise self.error(
                f"expected SELECT, ASK, CONSTRUCT or DESCRIBE, found {self.shown()}",
                hint=self.nearest((*_FORMS, "PREFIX", "BASE")),
            )
        if self.token.kind != "end":
            raise self.error(
                f"expected the end of the query, found {self.shown()}",
                hint=self.nearest(_ENDINGS),
            )
        return query

    def too_deep(self) -> SparqlSyntaxError:
        """Give the error for a query of more levels than anybody writes."""
        return self.error("the query is nested too deeply", self.tokens[0])

    def _prologue(self) -> None:
        while True:
            if self.take_word("BASE"):
                if self.token.kind != "iri":
                    raise self.error(f"expected an IRI after BASE, found {self.shown()}")
                self.base = self.iri("after BASE").value
            elif self.take_word("PREFIX"):
                name = self.token
                if name.kind != "name" or name.text.find(":") != len(name.text) - 1:
                    raise self.error(
                        f"expected a prefix with a colon after PREFIX, found {self.shown()}"
                    )
                self.advance()
                if self.token.kind != "iri":
                    raise self.error(f"expected <…> after the prefix, found {self.shown()}")
                self.prefixes[name.text[:-1]] = self.iri("after the prefix").value
            else:
                return

    # Query forms

    def _select_query(self) -> SelectQuery:
        pattern, variables, dataset = self.select(dataset_allowed=True)
        return SelectQuery(pattern, variables, dataset, self._kept_base())

    def _ask_query(self) -> AskQuery:
        self.advance()
        dataset = self.dataset()
        return AskQuery(self.modified(self.where()), dataset, self._kept_base())

    def _construct_query(self) -> ConstructQuery:
        self.advance()
        if self.at("{"):
            parts = self._template()
            dataset = self.dataset()
            pattern = self.where()
        else:
            dataset = self.dataset()
            self.expect_word("WHERE", "in CONSTRUCT WHERE")
            parts = self._template()
            pattern = Join.of(parts)
        # A triple that could never be built has become an empty pattern.
        triples = (triple for part in parts if isinstance(part, BGP) for triple in part.triples)
        template = tuple(_with_blank_nodes(triple) for triple in triples)
        pattern = self.modified(pattern)
        return ConstructQuery(template, pattern, dataset, self._kept_base())

    def _describe_query(self) -> DescribeQuery:
        self.advance()
        targets: list[Variable | IRI] = []
        everything = self.take("*")
        while not everything and (self.at_variable() or self.at_iri()):
            targets.append(self.variable("here") if self.at_variable() else self.iri("to describe"))
        if not everything and not targets:
            raise self.error(f"expected what to describe, found {self.shown()}")
        dataset = self.dataset()
        pattern = self.where() if self.at_word("WHERE") or self.at("{") else UNIT
        if everything:
            targets = [variable for variable in self.scope if not variable.hidden]
        pattern = self.modified(pattern)
        return DescribeQuery(tuple(targets), pattern, dataset, self._kept_base())

    def _kept_base(self) -> str | None:
        return self.base if self.calls_iri else None

    def _template(self) -> list[Pattern]:
        """Read the template of a CONSTRUCT; its blank nodes come back as hidden variables."""
        opening = self.expect("{", "before the template")
        self.begin_block()
        parts = self.triples_block(paths=False)
        if not self.at("}"):
            if self.token.kind == "end":
                self.close(opening, "}", "the template")
            raise self.error(f"only plain triples can stand in a template, not {self.shown()}")
        self.advance()
        self.forget_labels()
        return parts


def _with_blank_nodes(triple: TriplePattern) -> TriplePattern:
    """Give a template's triple with blank nodes where the reader made hidden variables."""

    def shown(end: VariableOrTerm) -> VariableOrTerm:
        if isinstance(end, Variable) and end.hidden:
            return BlankNode(end.name.removeprefix(Variable.HIDDEN))
        return end

    return TriplePattern(shown(triple.subject), triple.predicate, shown(triple.object))
