"""From the algebra back to SPARQL text.

The text means exactly what the algebra means: every operator that has no group syntax of
its own becomes a sub-select, and a group gets braces wherever leaving them out would change
which variables a FILTER, MINUS or OPTIONAL sees.

Source: SPARQL 1.1 Query Language, sections 18.2 and 19.8.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

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
    OrderKey,
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
from hereditary_kg.sparql.variables import (
    certain_variables,
    expression_variables,
    scope_variables,
)

__all__ = [
    "base_text",
    "dataset_text",
    "expression_text",
    "group_text",
    "query_text",
    "select_text",
    "triple_text",
    "values_text",
]

# What a select shows that shows nothing: SPARQL has no syntax for a projection on nothing.
# A whole query gets a column with a constant, which every result format can carry; inside a
# query it is a variable without a value, which joins with everything and excludes nothing.
_ROW = f"(1 AS ?{Variable.HIDDEN}row)"
_NOTHING = f"?{Variable.HIDDEN}nothing"

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
            return f"{{ {_select_text(pattern, '', _NOTHING)} }}"


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
    return group_text(Project(right, scope_variables(right)))


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
    pattern: Pattern,
    variables: Iterable[Variable] | None = None,
    source: str = "",
    base: str | None = None,
) -> str:
    """Write ``pattern`` as a SELECT, solution modifiers in their own places.

    Args:
        pattern: what to select from.
        variables: what to project on top of the pattern's own projection; None keeps all.
            Where nothing is left to show, the answer has one column that stands for nothing.
        source: dataset clauses, each with a space after it.
        base: the base of the query that ``pattern`` comes from.
    """
    if variables is not None:
        kept = tuple(variables)
        if not (isinstance(pattern, Project) and pattern.variables == kept):
            pattern = Project(pattern, kept)
    return base_text(base) + _select_text(pattern, source, _ROW)


def base_text(base: str | None) -> str:
    """Write the prologue that ``IRI()`` needs to complete relative references."""
    return "" if base is None else f"BASE <{base}> "


def _select_text(pattern: Pattern, source: str, nothing: str) -> str:
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
    keys: tuple[OrderKey, ...] = ()
    if isinstance(pattern, OrderBy):
        keys = pattern.keys
        pattern = pattern.pattern
    if projected is None:
        projected = scope_variables(pattern)
    if isinstance(pattern, Group) and not scope_variables(pattern):
        # What makes it a group, its one solution, can only be written with an aggregate.
        counted = (Variable(f"{Variable.HIDDEN}rows"), Aggregate("COUNT", None))
        pattern = Group(pattern.pattern, (), (counted,))
    grouped = _grouped_text(pattern, projected, keys, f"SELECT {keyword}", source)
    if grouped is not None:
        return grouped + tail
    head = " ".join(f"?{v.name}" for v in projected) or nothing
    where = f"WHERE {{ {group_text(pattern)} }}"
    return f"SELECT {keyword}{head} {source}{where}{_order_text(keys, {})}{tail}"


def _order_text(keys: Iterable[OrderKey], aggregates: Mapping[Variable, Aggregate]) -> str:
    written = " ".join(
        f"{'DESC' if key.descending else 'ASC'}"
        f"({expression_text(_spelled_out(key.expression, aggregates))})"
        for key in keys
    )
    return f" ORDER BY {written}" if written else ""


def _grouped_text(
    pattern: Pattern,
    projected: tuple[Variable, ...],
    order: tuple[OrderKey, ...],
    start: str,
    source: str,
) -> str | None:
    """Write a group with what stands on it as one SELECT; None where that is not possible.

    What is possible: a HAVING filter directly on the group, and select expressions, that
    read nothing but group keys and aggregates.
    """
    extended: dict[Variable, Expression] = {}
    while isinstance(pattern, Extend):
        extended[pattern.variable] = pattern.expression
        pattern = pattern.pattern
    having = None
    if isinstance(pattern, Filter):
        having, pattern = pattern.condition, pattern.pattern
    if not isinstance(pattern, Group):
        return None
    aggregates = dict(pattern.aggregates)
    inner = {*pattern.keys, *aggregates}
    shown = {*inner, *extended}
    # An order can name what is shown; other aggregates it has to hold itself.
    unnamed = {v: aggregates[v] for v in aggregates if v not in projected}
    expressions = [*extended.values(), *([] if having is None else [having])]
    if not (
        projected
        and set(extended) <= set(projected) <= shown
        and not set(extended) & set(scope_variables(pattern.pattern))
        and all(_can_stand(expression, inner, aggregates) for expression in expressions)
        and all(_can_stand(key.expression, shown, unnamed) for key in order)
    ):
        return None
    head = " ".join(_item_text(v, extended, aggregates) for v in projected)
    by = f" GROUP BY {' '.join(f'?{key.name}' for key in pattern.keys)}" if pattern.keys else ""
    where = f"WHERE {{ {group_text(pattern.pattern)} }}{by}"
    if having is not None:
        where += f" HAVING({expression_text(_spelled_out(having, aggregates))})"
    return f"{start}{head} {source}{where}{_order_text(order, unnamed)}"


def _item_text(
    variable: Variable,
    extended: Mapping[Variable, Expression],
    aggregates: Mapping[Variable, Aggregate],
) -> str:
    expression = extended.get(variable, variable)
    if expression == variable and variable not in aggregates:
        return f"?{variable.name}"
    return f"({expression_text(_spelled_out(expression, aggregates))} AS ?{variable.name})"


def _can_stand(
    expression: Expression, known: set[Variable], aggregates: Mapping[Variable, Aggregate]
) -> bool:
    """Whether ``expression`` reads only what is ``known``, aggregates only as values."""
    match expression:
        case Variable():
            return expression in known
        case Call("BOUND", (argument,)):
            return argument in known and argument not in aggregates
        case Call(_, arguments) | FunctionCall(_, arguments):
            return all(_can_stand(argument, known, aggregates) for argument in arguments)
        case Exists():
            return False
        case _:
            return True


def _spelled_out(expression: Expression, aggregates: Mapping[Variable, Aggregate]) -> Expression:
    """Put each aggregate itself where ``expression`` names its variable."""
    match expression:
        case Variable():
            return aggregates.get(expression, expression)
        case Call(_, arguments) | FunctionCall(_, arguments):
            spelled = tuple(_spelled_out(argument, aggregates) for argument in arguments)
            return replace(expression, arguments=spelled)
        case _:
            return expression


def dataset_text(dataset: Dataset) -> str:
    """Write FROM and FROM NAMED, each with a space behind it."""
    clauses = [f"FROM {iri.text} " for iri in dataset.default]
    clauses += [f"FROM NAMED {iri.text} " for iri in dataset.named]
    return "".join(clauses)


def query_text(query: Query) -> str:
    """Write a whole query."""
    source = dataset_text(query.dataset)
    base = base_text(query.base)
    match query:
        case SelectQuery(pattern, variables):
            return base + select_text(pattern, _selected(pattern, variables), source)
        case AskQuery(pattern):
            return f"{base}ASK {source}{{ {group_text(pattern)} }}"
        case ConstructQuery(template, pattern):
            triples = " ".join(map(triple_text, template))
            return f"{base}CONSTRUCT {{ {triples} }} {source}WHERE {{ {group_text(pattern)} }}"
        case DescribeQuery(targets, pattern):
            head = " ".join(map(term_text, targets)) or _NOTHING
            where = "" if pattern == UNIT else f"WHERE {{ {group_text(pattern)} }}"
            return f"{base}DESCRIBE {head} {source}{where}"


def _selected(pattern: Pattern, variables: tuple[Variable, ...]) -> tuple[Variable, ...] | None:
    """Give what is still to be projected: nothing where the pattern's own modifiers do it."""
    inner = pattern
    while isinstance(inner, Slice | Distinct | Reduced):
        inner = inner.pattern
    return None if isinstance(inner, Project) and inner.variables == variables else variables
