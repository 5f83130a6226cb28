"""The catalogue that all shops copy from: types, features, producers, products.

The shape is that of the Berlin SPARQL Benchmark: a tree of product types, features that belong
to a type, products that have the features of their type and of all types above it. The
catalogue is no member itself; members copy what they mention under IRIs of their own.

Source: Dang et al., FedShop: A Benchmark for Testing the Scalability of SPARQL Federation
Engines (ISWC 2023); Bizer and Schultz, The Berlin SPARQL Benchmark (2009).
"""

import random
from dataclasses import dataclass

from benchmarks.federation.shop_terms import (
    CATALOGUE,
    COUNTRIES,
    COUNTRY,
    RDF_TYPE,
    RDFS,
    SAME_AS,
    SHOP,
    iri,
    statement,
    text,
    whole_number,
)

__all__ = ["Catalogue", "LocalCopies", "Product", "make_catalogue", "write_words"]

_PRODUCTS = 2000
_PRODUCERS = 60
_BRANCHES = 4
_DEPTH = 3
_FEATURES_PER_TYPE = 10
_FEATURES_TAKEN = 3
_NUMBERS = 3
_TEXTS = 3
_TEXT = (
    "amber anchor apple arrow autumn basil beacon birch bloom breeze brook canyon cedar cinder "
    "cliff cloud clover comet copper coral cotton crane crystal dawn delta dune eagle ember "
    "falcon fern field flint forest frost garden ginger glacier granite harbor hazel heron "
    "hollow horizon indigo island ivory jasper juniper lagoon lantern laurel lemon linen lunar "
    "maple marble meadow mint mirror moss nectar oak ocean olive onyx orchard otter pearl "
    "pebble pepper pine prairie quartz raven reef ridge river saffron sage sail shadow silver "
    "sparrow spruce stone storm summit thistle thunder timber topaz tulip valley velvet violet "
    "walnut willow winter"
)
_WORDS = _TEXT.split()


@dataclass(frozen=True)
class Product:
    """A product of the catalogue: numbers of what it has, and its texts."""

    number: int
    label: str
    comment: str
    producer: int
    types: tuple[int, ...]
    features: tuple[int, ...]
    numbers: tuple[int, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Catalogue:
    """The catalogue.

    Attributes:
        products: by number.
        parents: per type its parent; the root is its own.
        type_labels: per type.
        feature_labels: per feature.
        producers: per producer its label and country.
    """

    products: tuple[Product, ...]
    parents: tuple[int, ...]
    type_labels: tuple[str, ...]
    feature_labels: tuple[str, ...]
    producers: tuple[tuple[str, str], ...]


def write_words(chance: random.Random, count: int) -> str:
    """Draw words."""
    return " ".join(chance.choices(_WORDS, k=count))


def make_catalogue(seed: int) -> Catalogue:
    """Make the catalogue; the same for the same seed."""
    chance = random.Random(f"catalogue {seed}")
    parents = [0]
    level = [0]
    for _ in range(_DEPTH):
        below = []
        for parent in level:
            for _ in range(_BRANCHES):
                below.append(len(parents))
                parents.append(parent)
        level = below
    features = [write_words(chance, 2) for _ in range(len(parents) * _FEATURES_PER_TYPE)]
    return Catalogue(
        products=tuple(_make_product(chance, i, level, parents) for i in range(_PRODUCTS)),
        parents=tuple(parents),
        type_labels=tuple(write_words(chance, 1) for _ in parents),
        feature_labels=tuple(features),
        producers=tuple(
            (write_words(chance, 2), chance.choice(COUNTRIES)) for _ in range(_PRODUCERS)
        ),
    )


def _make_product(
    chance: random.Random, number: int, leaves: list[int], parents: list[int]
) -> Product:
    types = [chance.choice(leaves)]
    while types[-1]:
        types.append(parents[types[-1]])
    features = [
        kind * _FEATURES_PER_TYPE + i
        # Those of the root would be shared by all products.
        for kind in types[:-1]
        for i in sorted(chance.sample(range(_FEATURES_PER_TYPE), _FEATURES_TAKEN))
    ]
    return Product(
        number=number,
        label=write_words(chance, 3),
        comment=write_words(chance, 12),
        producer=chance.randrange(_PRODUCERS),
        types=tuple(types),
        features=tuple(features),
        numbers=tuple(min(2000, max(1, round(chance.gauss(1000, 300)))) for _ in range(_NUMBERS)),
        texts=tuple(write_words(chance, 4) for _ in range(_TEXTS)),
    )


class LocalCopies:
    """What one member copies of the catalogue, each thing once.

    Args:
        catalogue: what is copied from.
        base: the namespace of the member's own IRIs.
    """

    def __init__(self, catalogue: Catalogue, base: str) -> None:
        self._catalogue = catalogue
        self._base = base
        self._copied: set[str] = set()
        self.lines: list[str] = []

    def add(self, subject: str, predicate: str, value: str) -> None:
        """Write a triple; the predicate is a name of the vocabulary."""
        self.lines.append(statement(subject, iri(SHOP, predicate), value))

    def describe(self, subject: str, kind: str, label: str) -> None:
        """Write a thing's class and label."""
        self.lines.append(statement(subject, RDF_TYPE, iri(SHOP, kind)))
        self.lines.append(statement(subject, iri(RDFS, "label"), text(label, "en")))

    def product(self, number: int) -> str:
        """Copy a product and all that it mentions; give its local IRI."""
        subject = self._local("product", number)
        if self._is_new(subject, "product", number):
            product = self._catalogue.products[number]
            self.describe(subject, "Product", product.label)
            comment = text(product.comment, "en")
            self.lines.append(statement(subject, iri(RDFS, "comment"), comment))
            self.add(subject, "producer", self._producer(product.producer))
            for kind in product.types:
                self.add(subject, "productType", self._type(kind))
            for feature in product.features:
                self.add(subject, "feature", self._feature(feature))
            for i, value in enumerate(product.numbers, 1):
                self.add(subject, f"numeric{i}", whole_number(value))
            # As in BSBM, not every product has every text.
            for i, words in enumerate(product.texts, 1):
                if (number + i) % 4:
                    self.add(subject, f"textual{i}", text(words, "en"))
        return subject

    def _producer(self, number: int) -> str:
        subject = self._local("producer", number)
        if self._is_new(subject, "producer", number):
            label, country = self._catalogue.producers[number]
            self.describe(subject, "Producer", label)
            self.add(subject, "country", iri(COUNTRY, country))
        return subject

    def _type(self, number: int) -> str:
        subject = self._local("type", number)
        if self._is_new(subject, "type", number):
            self.describe(subject, "ProductType", self._catalogue.type_labels[number])
            if number:
                parent = self._type(self._catalogue.parents[number])
                self.lines.append(statement(subject, iri(RDFS, "subClassOf"), parent))
        return subject

    def _feature(self, number: int) -> str:
        subject = self._local("feature", number)
        if self._is_new(subject, "feature", number):
            self.describe(subject, "Feature", self._catalogue.feature_labels[number])
        return subject

    def _local(self, kind: str, number: int) -> str:
        return iri(self._base, kind, "/", number)

    def _is_new(self, subject: str, kind: str, number: int) -> bool:
        """Whether a thing was not copied yet; writes whose copy it is then."""
        if subject in self._copied:
            return False
        self._copied.add(subject)
        original = iri(CATALOGUE, kind, "/", number)
        self.lines.append(statement(subject, SAME_AS, original))
        return True
