"""Links that a store holds as nodes of their own: reified statements and n-ary relations.

::

    [[selection.statements]]
    classes = ["https://w3id.org/biolink/vocab/DiseaseToPhenotypicFeatureAssociation"]
    relation = "https://w3id.org/biolink/vocab/has_phenotype"

    [selection.statements.without]
    "https://w3id.org/biolink/vocab/negated" = true

A statement is a node of one of the classes. Its subject and object are where fixed paths lead from
it, by default ``rdf:subject`` and ``rdf:object``; a step with ``^`` before it is gone backwards, as
in SPARQL's property paths, and no path has a step that is repeated. The relation is a fixed name,
or where a third path leads, by default ``rdf:predicate``. Statements with a value that stands under
``without`` are left out, and so are those without the values that stand under ``only``. The node
itself is no entity.

Source: W3C, RDF Schema 1.1, section 5.3 (reification), and Defining N-ary Relations on the
Semantic Web, 2006, pattern 1.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hereditary_kg.federation.description_tables import TableReader
from hereditary_kg.federation.errors import DescriptionError
from hereditary_kg.rdf.terms import RDF_TYPE, escape_literal

__all__ = ["StatementSelection", "Value", "match_classes", "read_iris", "read_statement"]

_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|^`\\]+")
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_BELOW = "http://www.w3.org/2000/01/rdf-schema#subClassOf"
_KEYS = (
    "classes",
    "subject_path",
    "relation",
    "relation_path",
    "object_path",
    "only",
    "without",
)


@dataclass(frozen=True)
class Value:
    """What a statement has under a predicate.

    Attributes:
        predicate: its IRI.
        texts: the literal or IRI as a text, in each form that it may have.
    """

    predicate: str
    texts: tuple[str, ...]

    def pattern(self) -> str:
        """Give a graph pattern that holds where a statement has the value."""
        listed = ", ".join(f'"{escape_literal(text)}"' for text in self.texts)
        return f"{{ ?statement <{self.predicate}> ?value . FILTER(STR(?value) IN ({listed})) }}"


@dataclass(frozen=True)
class StatementSelection:
    """Nodes that stand for links.

    Attributes:
        classes: classes one of which the node must be of.
        relation: the relation of all links; None where it is read from the statement.
        subject_path: predicates that lead from the node to the subject; with ``^`` before those
            that are gone backwards.
        relation_path: the same to the relation.
        object_path: the same to the object.
        only: values all of which a node must have.
        without: values none of which it may have.
    """

    classes: tuple[str, ...]
    relation: str | None = None
    subject_path: tuple[str, ...] = (f"{_RDF}subject",)
    relation_path: tuple[str, ...] = (f"{_RDF}predicate",)
    object_path: tuple[str, ...] = (f"{_RDF}object",)
    only: tuple[Value, ...] = ()
    without: tuple[Value, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The variables of the query."""
        return ("subject", "object") if self.relation else ("subject", "relation", "object")

    def query(self) -> str:
        """Give the SELECT query of the links, each once."""
        paths = {"subject": self.subject_path, "object": self.object_path}
        if self.relation is None:
            paths["relation"] = self.relation_path
        ways = " ".join(f"?statement {_write(path)} ?{end} ." for end, path in paths.items())
        filters = [f"FILTER EXISTS {value.pattern()}" for value in self.only]
        filters += [f"FILTER NOT EXISTS {value.pattern()}" for value in self.without]
        variables = " ".join(f"?{column}" for column in self.columns)
        nodes = match_classes(self.classes, "statement")
        return f"SELECT DISTINCT {variables} {{ {nodes} {ways} {' '.join(filters)} }}"


def match_classes(classes: Sequence[str], variable: str) -> str:
    """Give a graph pattern of what is of one of some classes, or of one below it."""
    values = " ".join(f"<{each}>" for each in classes)
    return (
        "{ SELECT DISTINCT ?class { "
        f"VALUES ?above {{ {values} }} ?class <{_BELOW}>* ?above }} }} "
        f"?{variable} <{RDF_TYPE}> ?class ."
    )


def read_iris(table: TableReader, key: str, *, required: bool = False) -> tuple[str, ...]:
    """Read a list of whole IRIs, each once.

    Raises:
        DescriptionError: one is no IRI, or there is none and one is required.
    """
    iris = tuple(dict.fromkeys(table.texts(key)))
    for iri in iris:
        _check_iri(table, key, iri)
    if required and not iris:
        raise table.error(key, "is missing; name one at least")
    return iris


def read_statement(table: TableReader) -> StatementSelection:
    """Read one table of ``[[selection.statements]]``.

    Raises:
        DescriptionError: something in it is wrong; with file, line and key.
    """
    table.refuse_unknown(_KEYS)
    relation = table.optional_text("relation")
    if relation is not None:
        _check_iri(table, "relation", relation)
        if "relation_path" in table:
            raise table.error("relation_path", "there is a relation as well; give one of both")
    usual = StatementSelection(read_iris(table, "classes", required=True))
    return StatementSelection(
        usual.classes,
        relation,
        _read_path(table, "subject_path", usual.subject_path),
        _read_path(table, "relation_path", usual.relation_path),
        _read_path(table, "object_path", usual.object_path),
        _read_values(table, "only"),
        _read_values(table, "without"),
    )


def _read_path(table: TableReader, key: str, usual: tuple[str, ...]) -> tuple[str, ...]:
    if key not in table:
        return usual
    steps = table.texts(key)
    for step in steps:
        _check_iri(table, key, step.removeprefix("^"))
    if not steps:
        raise table.error(key, "has no step; name a predicate, or leave it out")
    return steps


def _read_values(table: TableReader, key: str) -> tuple[Value, ...]:
    values = table.table(key)
    return tuple(_read_value(values, predicate) for predicate in values)


def _read_value(values: TableReader, predicate: str) -> Value:
    _check_iri(values, predicate, predicate)
    try:
        is_true = values.flag(predicate, default=False)
    except DescriptionError:
        return Value(predicate, (values.text(predicate),))
    return Value(predicate, ("true", "1") if is_true else ("false", "0"))


def _check_iri(table: TableReader, key: str, iri: str) -> None:
    if not _IRI.fullmatch(iri):
        raise table.error(key, f"{iri!r} is no IRI; write it whole, without prefix and brackets")


def _write(path: Sequence[str]) -> str:
    return "/".join(f"^<{step[1:]}>" if step.startswith("^") else f"<{step}>" for step in path)
