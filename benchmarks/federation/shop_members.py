"""The members of the shop benchmark: vendors with offers, rating sites with reviews."""

import random
from datetime import date, timedelta

from benchmarks.federation.shop_catalogue import Catalogue, LocalCopies, write_words
from benchmarks.federation.shop_terms import (
    COUNTRIES,
    COUNTRY,
    LANGUAGES,
    RDF_TYPE,
    SHOP,
    date_time,
    decimal,
    iri,
    statement,
    text,
    whole_number,
)

__all__ = ["write_rating_site", "write_vendor"]

_FIRST_DAY = date(2024, 1, 1)
_PRODUCTS = (45, 65)
_OFFERS = (1, 4)
_REVIEWS = (1, 4)
_PERSONS = 40


def write_vendor(catalogue: Catalogue, number: int, seed: int) -> list[str]:
    """Write a vendor: who it is, the products that it sells, and its offers."""
    chance = random.Random(f"vendor {number} {seed}")
    base = f"http://vendor{number}.example/"
    copies = LocalCopies(catalogue, base)
    vendor = iri(base, "vendor/", number)
    copies.describe(vendor, "Vendor", write_words(chance, 2))
    copies.add(vendor, "country", iri(COUNTRY, chance.choice(COUNTRIES)))
    copies.add(vendor, "homepage", iri(base))
    offers = 0
    for product in _draw_products(chance, catalogue):
        local = copies.product(product)
        for _ in range(chance.randrange(*_OFFERS)):
            _write_offer(chance, copies, iri(base, "offer/", offers), local, vendor)
            offers += 1
    return copies.lines


def _write_offer(
    chance: random.Random, copies: LocalCopies, offer: str, product: str, vendor: str
) -> None:
    begin = _FIRST_DAY + timedelta(days=chance.randrange(700))
    end = begin + timedelta(days=chance.randrange(30, 400))
    copies.lines.append(statement(offer, RDF_TYPE, iri(SHOP, "Offer")))
    copies.add(offer, "product", product)
    copies.add(offer, "vendor", vendor)
    copies.add(offer, "price", decimal(chance.randrange(500, 500_000)))
    copies.add(offer, "validFrom", date_time(begin))
    copies.add(offer, "validTo", date_time(end))
    copies.add(offer, "deliveryDays", whole_number(chance.randrange(1, 8)))
    copies.add(offer, "webpage", iri(offer[1:-1], "/page"))


def write_rating_site(catalogue: Catalogue, number: int, seed: int) -> list[str]:
    """Write a rating site: the products that it rates, its reviews, and who wrote them."""
    chance = random.Random(f"rating site {number} {seed}")
    base = f"http://ratings{number}.example/"
    copies = LocalCopies(catalogue, base)
    for person in range(_PERSONS):
        subject = iri(base, "person/", person)
        copies.lines.append(statement(subject, RDF_TYPE, iri(SHOP, "Person")))
        copies.add(subject, "name", text(write_words(chance, 2)))
        copies.add(subject, "country", iri(COUNTRY, chance.choice(COUNTRIES)))
    reviews = 0
    for product in _draw_products(chance, catalogue):
        local = copies.product(product)
        for _ in range(chance.randrange(*_REVIEWS)):
            writer = iri(base, "person/", chance.randrange(_PERSONS))
            _write_review(chance, copies, iri(base, "review/", reviews), local, writer)
            reviews += 1
    return copies.lines


def _write_review(
    chance: random.Random, copies: LocalCopies, review: str, product: str, person: str
) -> None:
    language = chance.choice(LANGUAGES)
    copies.lines.append(statement(review, RDF_TYPE, iri(SHOP, "Review")))
    copies.add(review, "reviewFor", product)
    copies.add(review, "reviewer", person)
    copies.add(review, "title", text(write_words(chance, 4), language))
    copies.add(review, "text", text(write_words(chance, 20), language))
    day = _FIRST_DAY + timedelta(days=chance.randrange(900))
    copies.add(review, "reviewDate", date_time(day))
    for i in range(1, 5):
        if chance.random() < 0.7:
            copies.add(review, f"rating{i}", whole_number(chance.randrange(1, 11)))


def _draw_products(chance: random.Random, catalogue: Catalogue) -> list[int]:
    """Draw products, those in the middle of the catalogue more often than those at its ends."""
    count = len(catalogue.products)
    wanted = chance.randint(*_PRODUCTS)
    drawn: dict[int, None] = {}
    while len(drawn) < wanted:
        number = round(chance.gauss(count / 2, count / 8))
        if 0 <= number < count:
            drawn[number] = None
    return list(drawn)
