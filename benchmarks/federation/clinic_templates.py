"""What is asked of *clinic*.

The first group joins what cannot cross hospitals, though every member has the same properties;
the second walks hierarchies that several members hold; the third counts, where a copied triple
that is counted twice shows; the fourth crosses members by pseudonyms or codes.
"""

from benchmarks.federation.templates import Template

__all__ = ["TEMPLATES"]

PREFIXES = """\
PREFIX bto: <https://w3id.org/brainteaser/ontology/schema/>
PREFIX hero: <https://w3id.org/hereditary/ontology/schema/>
PREFIX biolink: <https://w3id.org/biolink/vocab/>
PREFIX obo: <http://purl.obolibrary.org/obo/>
PREFIX owl: <http://www.w3.org/2002/07/owl#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
"""

FREQUENT_DISEASE = f"""{PREFIXES}
SELECT ?disease WHERE {{ ?patient bto:hasDisease ?disease }}
GROUP BY ?disease HAVING (COUNT(DISTINCT ?patient) > 2)"""

GROUP_OF_DISEASES = f"""{PREFIXES}
SELECT ?group WHERE {{ ?disease skos:broaderTransitive ?group }}
GROUP BY ?group HAVING (COUNT(?disease) > 4 && COUNT(?disease) < 60)"""

DRUG = f"{PREFIXES}\nSELECT DISTINCT ?drug WHERE {{ ?drug a biolink:Drug }}"
ASSAY = f"{PREFIXES}\nSELECT DISTINCT ?assay WHERE {{ ?assay a biolink:ClinicalMeasurement }}"

OPTIONAL_FIELDS = """
  OPTIONAL { ?patient bto:educationLevel ?education }
  OPTIONAL { ?patient bto:maritalStatus ?status }
  OPTIONAL { ?patient bto:dextricity ?dextricity }
  OPTIONAL { ?patient bto:menopauseStatus ?menopause }
  OPTIONAL { ?patient bto:alcoholUse ?alcohol }
  OPTIONAL { ?patient bto:dailyCigarettes ?cigarettes }
  OPTIONAL { ?patient bto:diet ?diet }
  OPTIONAL { ?patient bto:residence ?residence }
  OPTIONAL { ?patient owl:sameAs ?person }"""


def _template(
    name: str,
    title: str,
    body: str,
    candidates: str = "",
    *,
    ordered: bool = False,
    may_be_empty: bool = False,
) -> Template:
    text = PREFIXES + body.strip() + "\n"
    return Template(name, title, text, candidates, ordered=ordered, may_be_empty=may_be_empty)


TEMPLATES = (
    _template(
        "C01",
        "evaluations in which a disease was diagnosed",
        """
SELECT ?patient ?evaluation ?date ?criteria WHERE {
  ?patient a bto:Patient ; bto:undergo ?evaluation .
  ?evaluation bto:eventStart ?date ; bto:consists ?diagnosis .
  ?diagnosis a bto:Diagnosis ; hero:diseaseCode $disease .
  OPTIONAL { ?diagnosis bto:diagnosticCriteria ?criteria }
}""",
        FREQUENT_DISEASE,
    ),
    _template(
        "C02",
        "the whole record of one patient, with nine OPTIONAL",
        f"""
SELECT * WHERE {{
  VALUES ?patient {{ $patient }}
  ?patient bto:sex ?sex ; bto:birthYear ?year ; bto:hasDisease ?disease .{OPTIONAL_FIELDS}
}}""",
        f"{PREFIXES}\nSELECT ?patient WHERE {{ ?patient a bto:Patient ; owl:sameAs ?person }}",
    ),
    _template(
        "C03",
        "the records of all patients with a disease, with nine OPTIONAL",
        f"""
SELECT * WHERE {{
  ?patient bto:hasDisease $disease ; bto:sex ?sex ; bto:birthYear ?year .{OPTIONAL_FIELDS}
}}""",
        FREQUENT_DISEASE,
    ),
    _template(
        "C04",
        "values of a test in a range, measured in two years",
        """
SELECT ?patient ?value ?unit ?date WHERE {
  ?patient bto:undergo ?evaluation .
  ?evaluation bto:consists ?measurement .
  ?measurement hero:assay $assay ; hero:measurementValue ?value ;
    hero:measurementUOM ?unit ; hero:measurementDate ?date .
  FILTER (?value > $low && ?date >= "2017-01-01"^^xsd:date && ?date < "2019-01-01"^^xsd:date)
}""",
        f"""{PREFIXES}
SELECT ?assay (MAX(?value) * 0.7 AS ?low) WHERE {{
  ?measurement hero:assay ?assay ; hero:measurementValue ?value
}} GROUP BY ?assay""",
    ),
    _template(
        "C05",
        "the latest twenty evaluations of patients under a drug",
        """
SELECT ?evaluation ?date ?patient WHERE {
  ?patient bto:undergo ?evaluation .
  ?evaluation bto:eventStart ?date ; bto:consists ?treatment .
  ?treatment bto:pharmacologicSubstance $drug .
} ORDER BY DESC(?date) ?evaluation LIMIT 20""",
        DRUG,
        ordered=True,
    ),
    _template(
        "C06",
        "patients of a group of diseases, by a path over the hierarchy",
        """
SELECT DISTINCT ?patient ?disease WHERE {
  ?patient a bto:Patient ; bto:hasDisease ?disease .
  ?disease rdfs:subClassOf* $group .
}""",
        GROUP_OF_DISEASES,
    ),
    _template(
        "C07",
        "the same by the closed hierarchy, with names",
        """
SELECT ?patient ?disease ?name WHERE {
  ?patient a bto:Patient ; bto:hasDisease ?disease .
  ?disease skos:broaderTransitive $group ; rdfs:label ?name .
}""",
        GROUP_OF_DISEASES,
    ),
    _template(
        "C08",
        "patients by disease, counted",
        """
SELECT ?disease (COUNT(DISTINCT ?patient) AS ?patients) WHERE {
  ?patient a bto:Patient ; bto:hasDisease ?disease .
} GROUP BY ?disease""",
    ),
    _template(
        "C09",
        "patients by the groups below a group, counted with subsumption",
        """
SELECT ?part ?name (COUNT(DISTINCT ?patient) AS ?patients) WHERE {
  ?part rdfs:subClassOf $group ; rdfs:label ?name .
  ?disease rdfs:subClassOf* ?part .
  ?patient bto:hasDisease ?disease .
} GROUP BY ?part ?name""",
        GROUP_OF_DISEASES,
    ),
    _template(
        "C10",
        "means by test and sex",
        """
SELECT ?assay ?sex (AVG(?value) AS ?mean) (COUNT(*) AS ?measurements) WHERE {
  ?patient bto:sex ?sex ; bto:undergo ?evaluation .
  ?evaluation bto:consists ?measurement .
  ?measurement hero:assay ?assay ; hero:measurementValue ?value .
} GROUP BY ?assay ?sex""",
    ),
    _template(
        "C11",
        "patients with a disease at hospitals, and their variants at laboratories",
        """
SELECT ?patient ?person ?variation ?gene ?relevance ?zygosity WHERE {
  ?patient bto:hasDisease $disease ; owl:sameAs ?person .
  ?case hero:individual ?person ; hero:zygosity ?zygosity .
  ?variation hero:caseLevelData ?case ; hero:genomicFeature ?gene ;
    hero:clinicalRelevance ?relevance .
}""",
        f"""{PREFIXES}
SELECT ?disease WHERE {{
  ?patient bto:hasDisease ?disease ; owl:sameAs ?person . ?case hero:individual ?person
}} GROUP BY ?disease HAVING (COUNT(DISTINCT ?patient) > 1)""",
    ),
    _template(
        "C12",
        "what a second hospital gives to patients who get a drug at the first",
        """
SELECT ?first ?second ?other ?date WHERE {
  ?first bto:undergo/bto:consists/bto:pharmacologicSubstance $drug ; owl:sameAs ?person .
  ?second owl:sameAs ?person ; bto:undergo/bto:consists ?treatment .
  ?treatment bto:pharmacologicSubstance ?other ; bto:eventStart ?date .
  FILTER (?first != ?second)
}""",
        DRUG,
        may_be_empty=True,
    ),
    _template(
        "C13",
        "from a gene over its diseases' features to patients who have them, counted",
        """
SELECT ?disease ?feature ?name (COUNT(DISTINCT ?patient) AS ?patients) WHERE {
  $gene biolink:gene_associated_with_condition ?disease .
  ?disease biolink:has_phenotype ?feature .
  ?feature rdfs:label ?name .
  ?patient hero:phenotypicFeature ?found .
  ?found hero:featureType ?feature ; hero:featureExcluded false .
} GROUP BY ?disease ?feature ?name""",
        f"{PREFIXES}\nSELECT ?gene WHERE {{ ?gene biolink:gene_associated_with_condition ?d }}",
    ),
    _template(
        "C14",
        "living patients of a group who were never given a drug",
        """
SELECT DISTINCT ?patient ?year WHERE {
  ?disease skos:broaderTransitive $group .
  ?patient bto:hasDisease ?disease ; bto:birthYear ?year ; bto:alive true .
  FILTER NOT EXISTS {
    ?patient bto:undergo ?evaluation .
    ?evaluation bto:consists ?treatment .
    ?treatment bto:pharmacologicSubstance $drug .
  }
}""",
        f"""{PREFIXES}
SELECT ?group ?drug WHERE {{
  {{ SELECT ?group WHERE {{ ?disease skos:broaderTransitive ?group }}
     GROUP BY ?group HAVING (COUNT(?disease) > 4 && COUNT(?disease) < 25) }}
  ?drug a biolink:Drug .
}}""",
    ),
    _template(
        "C15",
        "persons with a disease of whom no laboratory knows a case",
        """
SELECT DISTINCT ?person WHERE {
  ?patient bto:hasDisease $disease ; owl:sameAs ?person .
  MINUS { ?case a hero:CaseLevelVariant ; hero:individual ?person }
}""",
        FREQUENT_DISEASE,
    ),
    _template(
        "C16",
        "patients and variants of a disease that nobody has",
        """
SELECT ?patient ?variation WHERE {
  ?patient bto:hasDisease obo:MONDO_9999999 ; owl:sameAs ?person .
  ?case hero:individual ?person .
  ?variation hero:caseLevelData ?case .
}""",
        may_be_empty=True,
    ),
    _template(
        "C17",
        "every measurement, with its patient",
        """
SELECT ?patient ?assay ?value ?date WHERE {
  ?patient bto:undergo ?evaluation .
  ?evaluation bto:consists ?measurement .
  ?measurement hero:assay ?assay ; hero:measurementValue ?value ; hero:measurementDate ?date .
}""",
    ),
)
