"""SSSOM's slots: which there are, of which type, and what they are called in RDF.

Source: SSSOM 1.1, https://mapping-commons.github.io/sssom/spec-model/.
"""

from collections.abc import Mapping

__all__ = [
    "BUILT_IN_PREFIXES",
    "DATES",
    "ENTITIES",
    "ENTITY_TYPES",
    "IRIS",
    "JUSTIFICATIONS",
    "MAPPING_SLOTS",
    "MATCH_TYPES",
    "MULTIVALUED",
    "NUMBERS",
    "PREDICATES",
    "PROPAGATABLE",
    "PROPERTIES",
    "SET_SLOTS",
]

SET_SLOTS = [
    "sssom_version",
    "curie_map",
    "mapping_set_id",
    "mapping_set_version",
    "mapping_set_source",
    "mapping_set_title",
    "mapping_set_description",
    "mapping_set_confidence",
    "creator_id",
    "creator_label",
    "license",
    "subject_type",
    "subject_source",
    "subject_source_version",
    "object_type",
    "object_source",
    "object_source_version",
    "predicate_type",
    "mapping_provider",
    "cardinality_scope",
    "mapping_tool",
    "mapping_tool_id",
    "mapping_tool_version",
    "mapping_date",
    "publication_date",
    "subject_match_field",
    "object_match_field",
    "subject_preprocessing",
    "object_preprocessing",
    "similarity_measure",
    "curation_rule",
    "curation_rule_text",
    "see_also",
    "issue_tracker",
    "other",
    "comment",
    "extension_definitions",
]
"""A mapping set's slots but ``mappings``, in the order in which they are written."""

MAPPING_SLOTS = [
    "record_id",
    "subject_id",
    "subject_label",
    "subject_category",
    "predicate_id",
    "predicate_label",
    "predicate_modifier",
    "object_id",
    "object_label",
    "object_category",
    "mapping_justification",
    "author_id",
    "author_label",
    "reviewer_id",
    "reviewer_label",
    "creator_id",
    "creator_label",
    "license",
    "subject_type",
    "subject_source",
    "subject_source_version",
    "object_type",
    "object_source",
    "object_source_version",
    "predicate_type",
    "mapping_provider",
    "mapping_source",
    "mapping_cardinality",
    "cardinality_scope",
    "mapping_tool",
    "mapping_tool_id",
    "mapping_tool_version",
    "mapping_date",
    "publication_date",
    "review_date",
    "confidence",
    "reviewer_agreement",
    "curation_rule",
    "curation_rule_text",
    "subject_match_field",
    "object_match_field",
    "match_string",
    "subject_preprocessing",
    "object_preprocessing",
    "similarity_score",
    "similarity_measure",
    "see_also",
    "issue_tracker_item",
    "other",
    "comment",
]
"""A mapping's slots, in the order in which they are written."""

PROPAGATABLE = frozenset(
    [
        "subject_type",
        "predicate_type",
        "object_type",
        "subject_source",
        "subject_source_version",
        "object_source",
        "object_source_version",
        "mapping_provider",
        "cardinality_scope",
        "mapping_tool",
        "mapping_tool_id",
        "mapping_tool_version",
        "mapping_date",
        "subject_match_field",
        "object_match_field",
        "subject_preprocessing",
        "object_preprocessing",
        "curation_rule",
        "curation_rule_text",
        "similarity_measure",
    ]
)
"""What is said of a set, and meant of each of its mappings."""

MULTIVALUED = frozenset(
    [
        "creator_id",
        "creator_label",
        "author_id",
        "author_label",
        "reviewer_id",
        "reviewer_label",
        "mapping_set_source",
        "cardinality_scope",
        "subject_match_field",
        "object_match_field",
        "match_string",
        "subject_preprocessing",
        "object_preprocessing",
        "curation_rule",
        "curation_rule_text",
        "see_also",
    ]
)

NUMBERS: Mapping[str, tuple[float, float]] = {
    "confidence": (0, 1),
    "reviewer_agreement": (-1, 1),
    "similarity_score": (0, 1),
    "mapping_set_confidence": (0, 1),
}
"""Slots that are numbers, with the least and the greatest value."""

DATES = ("mapping_date", "publication_date", "review_date")

ENTITIES = frozenset(
    [
        "record_id",
        "subject_id",
        "predicate_id",
        "object_id",
        "mapping_justification",
        "creator_id",
        "author_id",
        "reviewer_id",
        "subject_source",
        "object_source",
        "mapping_source",
        "mapping_tool_id",
        "subject_match_field",
        "object_match_field",
        "subject_preprocessing",
        "object_preprocessing",
        "curation_rule",
        "issue_tracker_item",
    ]
)
"""Slots that are CURIEs."""

IRIS = frozenset(
    [
        "mapping_set_id",
        "license",
        "mapping_provider",
        "mapping_set_source",
        "issue_tracker",
        "see_also",
    ]
)
"""Slots that are IRIs."""

PROPERTIES: Mapping[str, str] = {
    "subject_id": "http://www.w3.org/2002/07/owl#annotatedSource",
    "predicate_id": "http://www.w3.org/2002/07/owl#annotatedProperty",
    "object_id": "http://www.w3.org/2002/07/owl#annotatedTarget",
    "mapping_set_version": "http://www.w3.org/2002/07/owl#versionInfo",
    "mapping_set_title": "http://purl.org/dc/terms/title",
    "mapping_set_description": "http://purl.org/dc/terms/description",
    "creator_id": "http://purl.org/dc/terms/creator",
    "author_id": "http://purl.org/pav/authoredBy",
    "license": "http://purl.org/dc/terms/license",
    "mapping_set_source": "http://www.w3.org/ns/prov#wasDerivedFrom",
    "mapping_date": "http://purl.org/dc/terms/created",
    "publication_date": "http://purl.org/dc/terms/issued",
    "see_also": "http://www.w3.org/2000/01/rdf-schema#seeAlso",
    "comment": "http://www.w3.org/2000/01/rdf-schema#comment",
}
"""Slots whose property is not ``sssom:`` and their own name."""

ENTITY_TYPES: Mapping[str, str] = {
    "owl class": "http://www.w3.org/2002/07/owl#Class",
    "owl object property": "http://www.w3.org/2002/07/owl#ObjectProperty",
    "owl data property": "http://www.w3.org/2002/07/owl#DataProperty",
    "owl annotation property": "http://www.w3.org/2002/07/owl#AnnotationProperty",
    "owl named individual": "http://www.w3.org/2002/07/owl#NamedIndividual",
    "skos concept": "http://www.w3.org/2004/02/skos/core#Concept",
    "rdfs resource": "http://www.w3.org/2000/01/rdf-schema#Resource",
    "rdfs class": "http://www.w3.org/2000/01/rdf-schema#Class",
    "rdfs literal": "http://www.w3.org/2000/01/rdf-schema#Literal",
    "rdfs datatype": "http://www.w3.org/2000/01/rdf-schema#Datatype",
    "rdf property": "http://www.w3.org/1999/02/22-rdf-syntax-ns#Property",
    "composed entity expression": "https://w3id.org/sssom/ComposedEntityExpression",
}

BUILT_IN_PREFIXES: Mapping[str, str] = {
    "owl": "http://www.w3.org/2002/07/owl#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "semapv": "https://w3id.org/semapv/vocab/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "sssom": "https://w3id.org/sssom/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "linkml": "https://w3id.org/linkml/",
}
"""Prefixes that need not be declared."""

PREDICATES = frozenset(
    [
        "skos:exactMatch",
        "skos:broadMatch",
        "skos:narrowMatch",
        "skos:closeMatch",
        "skos:relatedMatch",
        "skos:mappingRelation",
        "skos:broader",
        "skos:narrower",
        "owl:equivalentClass",
        "owl:equivalentProperty",
        "owl:sameAs",
        "owl:differentFrom",
        "owl:disjointWith",
        "rdfs:subClassOf",
        "rdfs:subPropertyOf",
        "rdf:type",
        "rdfs:seeAlso",
        "sssom:superClassOf",
        "oboInOwl:hasDbXref",
        "semapv:isomorphicMatch",
        "semapv:nonIsomorphicMatch",
        "semapv:crossSpeciesExactMatch",
        "semapv:crossSpeciesBroadMatch",
        "semapv:crossSpeciesNarrowMatch",
        "semapv:crossSpeciesCloseMatch",
    ]
)
"""The predicates that SSSOM and SEMAPV name; others are allowed, and worth a look."""

JUSTIFICATIONS = frozenset(
    f"semapv:{name}"
    for name in [
        "Matching",
        "LexicalMatching",
        "LogicalReasoning",
        "LogicalMatching",
        "CompositeMatching",
        "UnspecifiedMatching",
        "SemanticSimilarityThresholdMatching",
        "LexicalSimilarityThresholdMatching",
        "StructuralMatching",
        "InstanceBasedMatching",
        "BackgroundKnowledgeBasedMatching",
        "MappingChaining",
        "MappingInversion",
        "MappingReview",
        "ManualMappingCuration",
        "MachineLearningBasedMatching",
        "EmbeddingBasedMatching",
        "TransformerBasedMatching",
        "GraphRepresentationLearningBasedMatching",
        "LLMBasedMatching",
        "AgentBasedMatching",
        "BoundedPathMatching",
    ]
)

MATCH_TYPES: Mapping[str, str] = {
    "Lexical": "semapv:LexicalMatching",
    "Logical": "semapv:LogicalMatching",
    "HumanCurated": "semapv:ManualMappingCuration",
    "Complex": "semapv:CompositeMatching",
    "Unspecified": "semapv:UnspecifiedMatching",
    "SemanticSimilarity": "semapv:SemanticSimilarityThresholdMatching",
}
"""What ``match_type`` was before SSSOM 1.0, as ``mapping_justification``."""
