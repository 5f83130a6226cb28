"""What the answer has to be: Oxigraph's over one store with all the data.

Oxigraph is asked our own printed text of the parsed query. Where it differs from the standard,
the difference is taken out here, or the form is not generated:

* ``p|q`` and ``!(p|^q)`` give a row once where section 18.4 counts both branches. Our parser
  makes unions of them, and the printed text has these.
* ``FROM <g1> FROM <g2>`` gives a triple of both graphs twice, where their merge is a set. The
  oracle's store holds the query's dataset itself, and the text has no dataset clauses.
* Numbers, dates and durations are brought to a normal form when they are loaded ("01" becomes
  "1"), and the derived integer types become ``xsd:integer``. Queries name literals in that form
  (``vocabulary.normal_form``).
* ``DESCRIBE <a> WHERE { … }`` describes ``<a>`` as often as the pattern has solutions, where
  section 16.4.2 describes what is named in any case. The oracle is asked for it apart.
* ``EXISTS { … MINUS { … } }`` hands the row at hand to both sides of the MINUS, which then share
  its variables; by section 18.6 they are substituted, and no longer shared. Not generated.
* A negated property set gives a pair of nodes once for each triple between them where an end is
  open, and once where both are bound; which of the two depends on the order of a join. Cases with
  one are left out where two nodes have several triples (``has_parallel_triples``).
* Zero-length paths connect nodes of the graph only, also where an end is a term of the query.
  Our engine does the same.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pyoxigraph as ox

from hereditary_kg.rdf.terms import IRI, BlankNode, Literal
from hereditary_kg.sparql.algebra import UNIT, Dataset, DescribeQuery, Query
from hereditary_kg.sparql.printing import query_text

__all__ = ["Row", "ask_oracle", "has_parallel_triples", "member_store", "merged_store"]

Row = dict[str, str]

_WHOLE = Dataset()
_LABEL = re.compile(r"(?<=_:)b\d+")


def _store_of(quads: Sequence[ox.Quad]) -> ox.Store:
    store = ox.Store()
    store.extend(quads)
    return store


def _parse(lines: Sequence[str]) -> list[ox.Quad]:
    return list(ox.parse("\n".join(lines).encode(), format=ox.RdfFormat.N_QUADS))


def member_store(lines: Sequence[str]) -> ox.Store:
    """Make the store of one member."""
    return _store_of(_parse(lines))


def merged_store(members: Sequence[Sequence[str]], dataset: Dataset = _WHOLE) -> ox.Store:
    """Make the store of all members: their blank nodes have the labels that our answers have.

    Args:
        members: N-Quads of each.
        dataset: where it names graphs, the store holds what they make up.
    """
    quads: list[ox.Quad] = []
    for number, lines in enumerate(members):
        quads += _parse([_LABEL.sub(rf"m{number}.\g<0>", line) for line in lines])
    if dataset == _WHOLE:
        return _store_of(quads)
    default = {iri.value for iri in dataset.default}
    named = {iri.value for iri in dataset.named}
    chosen = []
    for quad in quads:
        if isinstance(quad.graph_name, ox.NamedNode):
            if quad.graph_name.value in default:
                chosen.append(ox.Quad(quad.subject, quad.predicate, quad.object))
            if quad.graph_name.value in named:
                chosen.append(quad)
    return _store_of(chosen)


@cache
def _text(term: ox.NamedNode | ox.BlankNode | ox.Literal) -> str:
    match term:
        case ox.BlankNode():
            return BlankNode(term.value).text
        case ox.Literal():
            return Literal(term.value, term.datatype.value, term.language).text
        case _:
            return f"<{term.value}>"


def has_parallel_triples(store: ox.Store) -> bool:
    """Whether two triples of a graph differ in nothing but the predicate."""
    ends = [(quad.subject, quad.object, quad.graph_name) for quad in store]
    return len(set(ends)) < len(ends)


def ask_oracle(store: ox.Store, query: Query) -> bool | list[Row] | set[tuple[str, str, str]]:
    """Give the answer: a truth value, rows without what is unbound, or triples."""
    if isinstance(query, DescribeQuery) and query.pattern != UNIT:
        named = tuple(target for target in query.targets if isinstance(target, IRI))
        found = tuple(target for target in query.targets if not isinstance(target, IRI))
        if named and found:
            parts = replace(query, targets=named, pattern=UNIT), replace(query, targets=found)
            return set().union(*(ask_oracle(store, part) for part in parts))
    results = store.query(query_text(replace(query, dataset=_WHOLE)))
    if isinstance(results, ox.QueryBoolean):
        return bool(results)
    if isinstance(results, ox.QueryTriples):
        return {(_text(t.subject), _text(t.predicate), _text(t.object)) for t in results}
    names = [variable.value for variable in results.variables]
    rows = []
    for solution in results:
        cells = ((name, solution[name]) for name in names)
        rows.append({name: _text(term) for name, term in cells if term is not None})
    return rows
