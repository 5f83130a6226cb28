"""The shop benchmark: FedShop's shape, generated.

Half of the members are vendors, half are rating sites. Each copies what it mentions of a common
catalogue under IRIs of its own, with ``owl:sameAs`` to the catalogue's; those IRIs, countries and
the vocabulary are all that members share.

The first members are the same whatever their number, so that the same queries can be asked of
20, 100 and 200.
"""

from collections.abc import Iterator

from benchmarks.federation.shop_catalogue import make_catalogue
from benchmarks.federation.shop_members import write_rating_site, write_vendor
from benchmarks.federation.shop_templates import TEMPLATES
from benchmarks.federation.shop_terms import CATALOGUE, COUNTRY, SHOP

__all__ = ["ShopBenchmark"]


class ShopBenchmark:
    """See the module."""

    name = "shop"
    scale = 1.0
    templates = TEMPLATES
    shared_namespaces = (SHOP, CATALOGUE, COUNTRY)

    def members(self, count: int, seed: int) -> Iterator[tuple[str, list[str]]]:
        """Generate vendors and rating sites in turns."""
        catalogue = make_catalogue(seed)
        for i in range(count):
            number = i // 2
            if i % 2:
                yield f"ratings-{number}", write_rating_site(catalogue, number, seed)
            else:
                yield f"vendor-{number}", write_vendor(catalogue, number, seed)
