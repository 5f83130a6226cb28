"""Federations whose members code in their own ways, and their oracle.

The oracle is one store of the members' converted data: at each coded predicate, each code is
replaced by what `Converter` makes of it. For ``CODE hkg:includes ?d . ?s ex:p ?d`` it has, under
a predicate of their own, the triples whose code `Census.expand` finds for CODE.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl
import pyoxigraph as ox

from hereditary_kg.execution.engine import AsyncFederation
from hereditary_kg.federation.coding import CodedPredicate, ConversionDescription, MemberCoding
from hereditary_kg.federation.description import FederationDescription, MemberDescription
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.transport import EmbeddedTransport
from hereditary_kg.semantics.conversion import Converter, Relation
from hereditary_kg.semantics.expansion import Census
from hereditary_kg.semantics.hub import MAPPINGS, Hub
from hereditary_kg.semantics.identifiers import iri_of
from hereditary_kg.semantics.terminology import EDGES, SYNONYMS, TERMS, Terminology
from tests.dealt_federations import Triple, store_of

EX = "http://example.org/"
PREFIXES = {
    "ex": EX,
    "hkg": "https://w3id.org/hereditary-kg/vocab#",
    "NCIT": iri_of("NCIT:C1")[:-2],
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
}


def ex(name: str) -> str:
    return f"<{name}>" if "//" in name else f"<{EX}{name}>"


@dataclass(frozen=True)
class Hospital:
    """A member: its triples as (subject, predicate, code or term), and how it codes.

    Attributes:
        triples: an object is a code (a CURIE, where the predicate is coded) or a term's text.
        coded: predicate name -> vocabulary, for predicates with codes of that vocabulary.
        literal: whether its codes are literals.
        values: predicate name -> the member's value -> the user's.
        names: the member's predicate name -> the user's.
    """

    triples: tuple[tuple[str, str, str], ...]
    coded: Mapping[str, str] = field(default_factory=dict)
    literal: bool = False
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def native(self) -> list[Triple]:
        return [(ex(s), ex(p), self._term(p, o)) for s, p, o in self.triples]

    def _term(self, predicate: str, target: str) -> str:
        if predicate not in self.coded or target[0] in '"<':
            return target
        return f'"{target}"' if self.literal else f"<{iri_of(target)}>"

    def coding(self) -> MemberCoding:
        return MemberCoding(
            {
                EX + name: CodedPredicate(vocabulary, literal=self.literal)
                for name, vocabulary in self.coded.items()
            },
            {EX + name: values for name, values in self.values.items()},
            {EX + theirs: EX + ours for theirs, ours in self.names.items()},
        )

    def codes(self, predicate: str) -> list[str]:
        start = f"{self.coded[predicate]}:"
        return [o for _, p, o in self.triples if p == predicate and o.startswith(start)]

    def converted(self, hub: Hub, asked: Iterable[str], *, broader: bool = True) -> list[Triple]:
        converter = Converter(hub, "NCIT", narrower=False)
        found: list[Triple] = []
        for s, p, o in self.triples:
            name = self.names.get(p, p)
            if p in self.coded and o.startswith(f"{self.coded[p]}:"):
                shown = self._shown(converter.convert(o), p, o, broader=broader)
            else:
                text = o[1:-1] if o[0] == '"' else o
                user = self.values.get(p, {}).get(text)
                shown = [o if user is None else f'"{user}"']
            found.extend((ex(s), ex(name), user) for user in shown)
            for code in asked:
                if self._is_included(hub, p, o, code):
                    found.extend((ex(s), ex(f"{name}-in-{code[5:]}"), user) for user in shown)
        return found

    def _shown(self, conversions, predicate: str, code: str, *, broader: bool) -> list[str]:
        return [
            self._term(predicate, code)
            if each.target is None or (each.relation is Relation.BROADER and not broader)
            else f"<{iri_of(each.target)}>"
            for each in conversions
        ]

    def _is_included(self, hub: Hub, predicate: str, target: str, code: str) -> bool:
        if predicate in self.coded:
            return target in Census(hub, self.codes(predicate)).expand(code).codes
        users = Census(hub, [name for name in all_codes(hub) if name.startswith("NCIT:")])
        below = users.expand(code).found
        return target in {
            f"<{iri_of(each.source)}>" for each in below if each.relation is not Relation.NARROWER
        }


def all_codes(hub: Hub) -> set[str]:
    terms = {name for each in hub.terminologies.values() for name in each.terms["id"].to_list()}
    return terms | {*hub.mappings["subject"].to_list(), *hub.mappings["object"].to_list()}


def hub_of(
    terms: Sequence[str], edges: Sequence[tuple[str, str]], mappings: Sequence[Triple]
) -> Hub:
    """Make a hub of MONDO's terms and hierarchy, and mappings of (subject, predicate, object)."""
    rows = [(name, name, None, False, []) for name in terms]
    mondo = Terminology(
        "MONDO",
        "1",
        pl.DataFrame(rows, schema=TERMS, orient="row"),
        pl.DataFrame(schema=SYNONYMS),
        pl.DataFrame(list(edges), schema=EDGES, orient="row"),
        "Mondo",
        "CC0",
        "mondo.obo",
    )
    table = [
        (*row, "semapv:ManualMappingCuration", 1.0, None, None, f"https://example.org/set#{n}", "")
        for n, row in enumerate(mappings, 1)
    ]
    frame = pl.DataFrame(table, schema=MAPPINGS, orient="row")
    return Hub({"MONDO": mondo}, frame.sort("subject", "predicate", "object"))


def federation(hub: Hub, hospitals: Sequence[Hospital], *, broader: bool = True) -> AsyncFederation:
    descriptions = tuple(
        MemberDescription(f"m{n}", coding=each.coding()) for n, each in enumerate(hospitals)
    )
    members = [
        Member(description, EmbeddedTransport(store_of(each.native())))
        for description, each in zip(descriptions, hospitals, strict=True)
    ]
    description = FederationDescription(
        "converted",
        prefixes=PREFIXES,
        members=descriptions,
        conversion=ConversionDescription("NCIT", broader=broader),
    )
    return AsyncFederation(description, members, hub=hub)


def merged(
    hub: Hub, hospitals: Sequence[Hospital], asked: Iterable[str] = (), *, broader: bool = True
) -> ox.Store:
    """Make the oracle's store."""
    codes = tuple(asked)
    return store_of(
        triple for each in hospitals for triple in each.converted(hub, codes, broader=broader)
    )


def with_prefixes(text: str) -> str:
    return "".join(f"PREFIX {name}: <{iri}> " for name, iri in PREFIXES.items()) + text
