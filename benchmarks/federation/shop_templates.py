"""The twelve query templates of the shop benchmark, in plain SPARQL 1.1.

Constants that members share are those of the catalogue, countries and the vocabulary; a product
is found through ``owl:sameAs``. Where rows are ordered and cut, the keys make a total order.
"""

from benchmarks.federation.shop_terms import PREFIXES
from benchmarks.federation.templates import Template

__all__ = ["TEMPLATES"]

# Every tenth product is enough to draw from; the root of all types says nothing.
_SOME = 'FILTER(STRENDS(STR(?product), "5") && !STRENDS(STR(?type), "type/0"))'
_PRODUCT_WITH_OFFER_AND_REVIEW = """SELECT DISTINCT ?product WHERE {
  ?sold owl:sameAs ?product . ?offer shop:product ?sold .
  ?rated owl:sameAs ?product . ?review shop:reviewFor ?rated .
}"""


def _template(
    name: str, title: str, text: str, candidates: str, *, ordered: bool = False
) -> Template:
    return Template(name, title, PREFIXES + text, PREFIXES + candidates, ordered)


TEMPLATES = (
    _template(
        "S01",
        "products of a type with two features",
        """SELECT DISTINCT ?product ?label WHERE {
  ?local owl:sameAs ?product ; rdfs:label ?label ; shop:productType ?type ;
    shop:feature ?first , ?second ; shop:numeric1 ?value .
  ?type owl:sameAs $type .
  ?first owl:sameAs $first .
  ?second owl:sameAs $second .
  FILTER(?value > 500)
} ORDER BY ?label ?product LIMIT 10""",
        f"""SELECT DISTINCT ?type ?first ?second WHERE {{
  ?local owl:sameAs ?product ; shop:productType/owl:sameAs ?type ; shop:numeric1 ?value ;
    shop:feature/owl:sameAs ?first , ?second .
  FILTER(?value > 500 && STR(?first) < STR(?second)) {_SOME}
}}""",
        ordered=True,
    ),
    _template(
        "S02",
        "all copies of a product, with optional texts",
        """SELECT DISTINCT ?label ?comment ?producer ?feature ?text1 ?text2 ?text3 ?numeric1
WHERE {
  ?local owl:sameAs $product ; rdfs:label ?label ; rdfs:comment ?comment ;
    shop:producer/rdfs:label ?producer ; shop:feature/rdfs:label ?feature ;
    shop:numeric1 ?numeric1 .
  OPTIONAL { ?local shop:textual1 ?text1 }
  OPTIONAL { ?local shop:textual2 ?text2 }
  OPTIONAL { ?local shop:textual3 ?text3 }
}""",
        "SELECT DISTINCT ?product WHERE { ?local a shop:Product ; owl:sameAs ?product }",
    ),
    _template(
        "S03",
        "products with one feature and without another",
        """SELECT DISTINCT ?product ?label WHERE {
  ?local owl:sameAs ?product ; rdfs:label ?label ; shop:productType ?type ;
    shop:feature ?has ; shop:numeric1 ?numeric1 ; shop:numeric2 ?numeric2 .
  ?type owl:sameAs $type .
  ?has owl:sameAs $has .
  FILTER(?numeric1 > 600 && ?numeric2 < 1400)
  OPTIONAL {
    ?local shop:feature ?lacks ; rdfs:label ?excluded .
    ?lacks owl:sameAs $lacks .
  }
  FILTER(!BOUND(?excluded))
} ORDER BY ?label ?product LIMIT 10""",
        f"""SELECT DISTINCT ?type ?has ?lacks WHERE {{
  ?local owl:sameAs ?product ; shop:productType/owl:sameAs ?type ;
    shop:feature/owl:sameAs ?has , ?lacks ; a shop:Product .
  FILTER(STR(?has) < STR(?lacks)) {_SOME}
}}""",
        ordered=True,
    ),
    _template(
        "S04",
        "products with a feature and either of two others",
        """SELECT DISTINCT ?product ?label ?text WHERE {
  {
    ?local owl:sameAs ?product ; rdfs:label ?label ; shop:productType/owl:sameAs $type ;
      shop:feature/owl:sameAs $first ; shop:feature/owl:sameAs $second ;
      shop:textual1 ?text ; shop:numeric1 ?numeric .
    FILTER(?numeric > 500)
  } UNION {
    ?local owl:sameAs ?product ; rdfs:label ?label ; shop:productType/owl:sameAs $type ;
      shop:feature/owl:sameAs $first ; shop:feature/owl:sameAs $third ;
      shop:textual1 ?text ; shop:numeric2 ?numeric .
    FILTER(?numeric > 800)
  }
} ORDER BY ?label ?product ?text OFFSET 1 LIMIT 10""",
        f"""SELECT DISTINCT ?type ?first ?second ?third WHERE {{
  ?local owl:sameAs ?product ; shop:productType/owl:sameAs ?type ;
    shop:feature/owl:sameAs ?first , ?second , ?third .
  FILTER(STR(?first) < STR(?second) && STR(?second) < STR(?third)) {_SOME}
  FILTER(STRENDS(STR(?first), "1") || STRENDS(STR(?first), "2"))
}}""",
        ordered=True,
    ),
    _template(
        "S05",
        "products that share a feature with a product and have similar numbers",
        """SELECT DISTINCT ?product ?label WHERE {
  ?origin owl:sameAs $product ; shop:feature ?originFeature ;
    shop:numeric1 ?origin1 ; shop:numeric2 ?origin2 .
  ?originFeature owl:sameAs ?feature .
  ?local owl:sameAs ?product ; rdfs:label ?label ; shop:feature ?localFeature ;
    shop:numeric1 ?local1 ; shop:numeric2 ?local2 .
  ?localFeature owl:sameAs ?feature .
  FILTER(?product != $product)
  FILTER(?local1 < ?origin1 + 120 && ?local1 > ?origin1 - 120)
  FILTER(?local2 < ?origin2 + 170 && ?local2 > ?origin2 - 170)
} ORDER BY ?label ?product LIMIT 5""",
        "SELECT DISTINCT ?product WHERE { ?local a shop:Product ; owl:sameAs ?product }",
        ordered=True,
    ),
    _template(
        "S06",
        "products whose label contains a word",
        """SELECT DISTINCT ?product ?label WHERE {
  ?local a shop:Product ; owl:sameAs ?product ; rdfs:label ?label .
  FILTER(REGEX(STR(?label), $word, "i"))
}""",
        """SELECT DISTINCT ?word WHERE {
  ?local a shop:Product ; rdfs:label ?label .
  BIND(STRBEFORE(STR(?label), " ") AS ?word)
}""",
    ),
    _template(
        "S07",
        "offers and reviews of a product",
        """SELECT ?label ?offer ?price ?vendorName ?review ?title ?reviewerName ?rating1 ?rating2
WHERE {
  ?sold owl:sameAs $product ; rdfs:label ?label .
  ?offer shop:product ?sold ; shop:price ?price ; shop:vendor ?vendor ; shop:validTo ?end .
  ?vendor rdfs:label ?vendorName ; shop:country $country .
  FILTER(?end > "2024-09-01T00:00:00Z"^^xsd:dateTime)
  OPTIONAL {
    ?rated owl:sameAs $product .
    ?review shop:reviewFor ?rated ; shop:reviewer ?reviewer ; shop:title ?title .
    ?reviewer shop:name ?reviewerName .
    OPTIONAL { ?review shop:rating1 ?rating1 }
    OPTIONAL { ?review shop:rating2 ?rating2 }
  }
}""",
        """SELECT DISTINCT ?product ?country WHERE {
  ?sold owl:sameAs ?product . ?offer shop:product ?sold ; shop:vendor/shop:country ?country .
  ?rated owl:sameAs ?product . ?review shop:reviewFor ?rated .
}""",
    ),
    _template(
        "S08",
        "the latest English reviews of a product",
        """SELECT ?title ?text ?date ?reviewer ?reviewerName ?rating1 ?rating2 ?rating3 ?rating4
WHERE {
  ?local owl:sameAs $product .
  ?review shop:reviewFor ?local ; shop:title ?title ; shop:text ?text ; shop:reviewDate ?date ;
    shop:reviewer ?reviewer .
  ?reviewer shop:name ?reviewerName .
  FILTER(LANGMATCHES(LANG(?text), "en"))
  OPTIONAL { ?review shop:rating1 ?rating1 }
  OPTIONAL { ?review shop:rating2 ?rating2 }
  OPTIONAL { ?review shop:rating3 ?rating3 }
  OPTIONAL { ?review shop:rating4 ?rating4 }
} ORDER BY DESC(?date) ?reviewer ?title LIMIT 20""",
        """SELECT DISTINCT ?product WHERE {
  ?local owl:sameAs ?product . ?review shop:reviewFor ?local ; shop:text ?text .
  FILTER(LANG(?text) = "en")
}""",
        ordered=True,
    ),
    _template(
        "S09",
        "all that is said about the reviewer of a review",
        """SELECT ?reviewer ?property ?value WHERE {
  $review shop:reviewer ?reviewer .
  { ?reviewer ?property ?value } UNION { ?value ?property ?reviewer }
}""",
        "SELECT ?review WHERE { ?review a shop:Review }",
    ),
    _template(
        "S10",
        "the cheapest offers of a product that come soon",
        """SELECT DISTINCT ?offer ?price WHERE {
  ?local owl:sameAs $product .
  ?offer shop:product ?local ; shop:vendor ?vendor ; shop:deliveryDays ?days ;
    shop:price ?price ; shop:validTo ?end .
  ?vendor shop:country ?country .
  ?rated owl:sameAs $product .
  ?review shop:reviewFor ?rated ; shop:rating1 ?rating .
  FILTER(?days <= 5 && ?rating >= 4)
  FILTER(?end > "2024-06-20T00:00:00Z"^^xsd:dateTime)
} ORDER BY ?price ?offer LIMIT 10""",
        _PRODUCT_WITH_OFFER_AND_REVIEW,
        ordered=True,
    ),
    _template(
        "S11",
        "all that is said about an offer, in both directions",
        """SELECT ?property ?value ?isValueOf WHERE {
  { $offer ?property ?value } UNION { ?isValueOf ?property $offer }
}""",
        "SELECT ?offer WHERE { ?offer a shop:Offer }",
    ),
    _template(
        "S12",
        "an offer with its product's and vendor's names, and what others call the product",
        """SELECT ?product ?label ?vendorName ?homepage ?price ?delivery ?begin ?end ?other WHERE {
  $offer shop:product ?local ; shop:vendor ?vendor ; shop:price ?price ;
    shop:deliveryDays ?delivery ; shop:validFrom ?begin ; shop:validTo ?end .
  ?local owl:sameAs ?product ; rdfs:label ?label .
  ?vendor rdfs:label ?vendorName ; shop:homepage ?homepage .
  OPTIONAL {
    ?other owl:sameAs ?product .
    ?review shop:reviewFor ?other .
    FILTER NOT EXISTS { ?review shop:rating1 ?rating FILTER(?rating < 5) }
  }
}""",
        "SELECT ?offer WHERE { ?offer a shop:Offer }",
    ),
)
