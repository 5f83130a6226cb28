"""From the algebra back to SPARQL text.

The text means exactly what the algebra means: every operator that has no group syntax of
its own becomes a sub-select, and a group gets braces wherever leaving them out would change
which variables a FILTER, MINUS or OPTIONAL sees.

Source: SPARQL 1.1 Query Language, sections 18.2 and 19.8.
"""

from collections.abc import Iterable

from hereditary_kg.rdf.terms import IRI, RDF_TYPE, BlankNode, Literal, Term
from hereditary_kg.sparql.algebra import (
    BGP,
    UNIT,
    Aggregate,
    AlternativePath,
    AskQuery,
    Call,
    ConstructQuery,
    Dataset,
    DescribeQuery,
    Distinct,
    Exists,
    Expression,
    Extend,
    Filter,
    FunctionCall,
    Graph,
    Group,
    InversePath,
    Join,
    LeftJoin,
    Minus,
    NegatedPropertySet,
    OrderBy,
    Path,
    Pattern,
    Project,
    Query,
    Reduced,
    RepeatedPath,
    SelectQuery,
    SequencePath,
    Service,
    Slice,
    TriplePattern,
    Union,
    Values,
    Variable,
)
from hereditary_kg.sparql.variables import certain_variables, expression_variables, scope_variables

__all__ = [
    "expression_text",
    "group_text",
    "query_text",
    "select_text",
    "triple_text",
    "values_text",
]

_INFIX = {"=", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "&&", "||"}


def term_text(term: Variable | Term) -> str:
    """Write a variable or a term."""
    return f"?{term.name}" if isinstance(term, Variable) else term.text


def path_text(path: Path | Variable) -> str:
    """Write a predicate: a variable, an IRI or a property path."""
    match path:
        case Variable():
            return f"?{path.name}"
        case IRI(value):
            return "a" if value == RDF_TYPE else path.text
        case InversePath(inner):
            return f"^({path_text(inner)})"
        case SequencePath(steps):
            return "(" + "/".join(map(path_text, steps)) + ")"
        case AlternativePath(branches):
            return "(" + "|".join(map(path_text, branches)) + ")"
        case RepeatedPath(inner, modifier):
            return f"({path_text(inner)}){modifier}"
        case NegatedPropertySet(forward, inverse):
            members = [iri.text for iri in forward] + [f"^{iri.text}" for iri in inverse]
            return "!(" + "|".join(members) + ")"


def triple_text(triple: TriplePattern) -> str:
    """Write one triple pattern, with its full stop."""
    predicate = path_text(triple.predicate)
    return f"{term_text(triple.subject)} {predicate} {term_text(triple.object)} ."


def expression_text(expression: Expression) -> str:
    """Write an expression, with brackets around every operator."""
    match expression:
        case Variable() | IRI() | BlankNode() | Literal():
            return term_text(expression)
        case Call(name, arguments) if name in _INFIX and len(arguments) > 1:
            return "(" + f" {name} ".join(map(expression_text, arguments)) + ")"
        case Call("!" | "-" | "+" as sign, (argument,)):
            return f"({sign} {expression_text(argument)})"
        case Call("IN" | "NOT IN" as name, (first, *others)):
            listed = ", ".join(map(expression_text, others))
            return f"({expression_text(first)} {name} ({listed}))"
        case Call(name, arguments):
            return f"{name}({', '.join(map(expression_text, arguments))})"
        case FunctionCall(function, arguments, distinct):
            listed = ", ".join(map(expression_text, arguments))
            return f"{function.text}({'DISTINCT ' if distinct else ''}{listed})"
        case Exists(pattern, negated):
            return f"({'NOT ' if negated else ''}EXISTS {braced_text(pattern)})"
        case Aggregate(name, argument, distinct, separator):
            inner = "*" if argument is None else expression_text(argument)
            end = "" if separator is None else f" ; SEPARATOR = {Literal(separator).text}"
            return f"{name}({'DISTINCT ' if distinct else ''}{inner}{end})"


def values_text(variables: Iterable[Variable], rows: Iterable[Iterable[Term | None]]) -> str:
    """Write inline data."""
    head = " ".join(f"?{variable.name}" for variable in variables)
    body = " ".join(
        "(" + " ".join("UNDEF" if term is None else term.text for term in row) + ")" for row in rows
    )
    return f"VALUES ({head}) {{ {body} }}"


def braced_text(pattern: Pattern) -> str:
    """Write ``pattern`` as a group in braces."""
    return f"{{ {group_text(pattern)} }}"


def group_text(pattern: Pattern) -> str:
    """Write ``pattern`` as the inside of a group, without its braces."""
    match pattern:
        case BGP(triples):
            return " ".join(map(triple_text, triples))
        case Values(variables, rows):
            return values_text(variables, rows)
        case Join(parts):
            return " ".join(map(_part_text, parts))
        case LeftJoin(left, right, condition):
            return f"{_sequence_text(left)} OPTIONAL {{ {_optional_text(right, condition)} }}"
        case Union(branches):
            return " UNION ".join(map(braced_text, branches))
        case Filter(condition, inner_pattern):
            return f"{_part_text(inner_pattern)} FILTER({expression_text(condition)})"
        case Extend(inner_pattern, variable, expression):
            bound = f"BIND({expression_text(expression)} AS ?{variable.name})"
            return f"{_sequence_text(inner_pattern)} {bound}"
        case Minus(left, right):
            return f"{_sequence_text(left)} MINUS {braced_text(right)}"
        case Graph(name, inner_pattern):
            return f"GRAPH {term_text(name)} {braced_text(inner_pattern)}"
        case Service(name, inner_pattern, silent):
            return (
                f"SERVICE {'SILENT ' if silent else ''}{term_text(name)} "
                f"{braced_text(inner_pattern)}"
            )
        case _:
            return f"{{ {select_text(pattern)} }}"


def _sequence_text(pattern: Pattern) -> str:
    """Write ``pattern`` as what the next element of the same group applies to."""
    # A filter would apply to the whole group, after that element.
    return braced_text(pattern) if isinstance(pattern, Filter) else group_text(pattern)


def _optional_text(right: Pattern, condition: Expression | None) -> str:
    """Write the inside of an OPTIONAL."""
    if condition is not None:
        return f"{braced_text(right)} FILTER({expression_text(condition)})"
    if not isinstance(right, Filter):
        return group_text(right)
    if expression_variables(right.condition) <= certain_variables(right):
        return group_text(right)
    # Directly in the braces this filter would see the left side's variables.
    return f"{{ {select_text(Project(right, scope_variables(right)))} }}"


def _part_text(pattern: Pattern) -> str:
    """Write ``pattern`` where other parts of the same group may follow or precede it."""
    match pattern:
        case BGP() | Values() | Graph() | Service():
            return group_text(pattern)
        case Group() | Project() | Distinct() | Reduced() | OrderBy() | Slice():
            return group_text(pattern)
        case _:
            return braced_text(pattern)


def select_text(
    pattern: Pattern, variables: Iterable[Variable] | None = None, source: str = ""
) -> str:
    """Write ``pattern`` as a SELECT, solution modifiers in their own places.

    Args:
        pattern: what to select from.
        variables: what to project on top of the pattern's own projection; None keeps all.
        source: dataset clauses, each with a space after it.
    """
    if variables is not None:
        kept = tuple(variables)
        if not (isinstance(pattern, Project) and pattern.variables == kept):
            pattern = Project(pattern, kept)
    tail = ""
    if isinstance(pattern, Slice):
        if pattern.offset:
            tail += f" OFFSET {pattern.offset}"
        if pattern.limit is not None:
            tail += f" LIMIT {pattern.limit}"
        pattern = pattern.pattern
    keyword = ""
    if isinstance(pattern, Distinct | Reduced):
        keyword = "DISTINCT " if isinstance(pattern, Distinct) else "REDUCED "
        pattern = pattern.pattern
    projected: tuple[Variable, ...] | None = None
    if isinstance(pattern, Project):
        projected = pattern.variables
        pattern = pattern.pattern
    if isinstance(pattern, OrderBy):
        keys = (
            f"{'DESC' if key.descending else 'ASC'}({expression_text(key.expression)})"
            for key in pattern.keys
        )
        tail = " ORDER BY " + " ".join(keys) + tail
        pattern = pattern.pattern
    if isinstance(pattern, Group) and (projected is None or _covers(pattern, projected)):
        return _grouped_text(pattern, projected, keyword, source) + tail
    if projected is None:
        projected = scope_variables(pattern)
    # SPARQL has no syntax for a projection on nothing; a constant keeps the rows.
    head = " ".join(f"?{v.name}" for v in projected) or f"(1 AS ?{Variable.HIDDEN}row)"
    return f"SELECT {keyword}{head} {source}WHERE {{ {group_text(pattern)} }}{tail}"


def _covers(group: Group, projected: tuple[Variable, ...]) -> bool:
    return set(projected) <= set(scope_variables(group))


def _grouped_text(
    group: Group, projected: tuple[Variable, ...] | None, keyword: str, source: str
) -> str:
    aggregates = dict(group.aggregates)
    shown = scope_variables(group) if projected is None else projected
    head = " ".join(
        f"({expression_text(aggregates[v])} AS ?{v.name})" if v in aggregates else f"?{v.name}"
        for v in shown
    )
    keys = "".join(f" ?{key.name}" for key in group.keys)
    by = f" GROUP BY{keys}" if keys else ""
    # Without keys and aggregates there is one group whose solution is empty.
    head = head or f"(COUNT(*) AS ?{Variable.HIDDEN}rows)"
    return f"SELECT {keyword}{head} {source}WHERE {{ {group_text(group.pattern)} }}{by}"


def _dataset_text(dataset: Dataset) -> str:
    clauses = [f"FROM {iri.text} " for iri in dataset.default]
    clauses += [f"FROM NAMED {iri.text} " for iri in dataset.named]
    return "".join(clauses)


def query_text(query: Query) -> str:
    """Write a whole query."""
    source = _dataset_text(query.dataset)
    match query:
        case SelectQuery(pattern, variables):
            return select_text(pattern, _selected(pattern, variables), source)
        case AskQuery(pattern):
            return f"ASK {source}{{ {group_text(pattern)} }}"
        case ConstructQuery(template, pattern):
            triples = " ".join(map(triple_text, template))
            return f"CONSTRUCT {{ {triples} }} {source}WHERE {{ {group_text(pattern)} }}"
        case DescribeQuery(targets, pattern):
            head = " ".join(map(term_text, targets))
            where = "" if pattern == UNIT else f"WHERE {{ {group_text(pattern)} }}"
            return f"DESCRIBE {head} {source}{where}"


def _selected(pattern: Pattern, variables: tuple[Variable, ...]) -> tuple[Variable, ...] | None:
    """Give what is still to be projected: nothing where the pattern's own modifiers do it."""
    inner = pattern
    while isinstance(inner, Slice | Distinct | Reduced):
        inner = inner.pattern
    return None if isinstance(inner, Project) and inner.variables == variables else variables
