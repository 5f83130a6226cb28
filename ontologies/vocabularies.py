"""The vocabularies whose identifiers are known, and what is written for them besides."""

from dataclasses import dataclass

__all__ = ["VOCABULARIES", "Vocabulary"]

OBO = "http://purl.obolibrary.org/obo/"
BIOPORTAL = "http://purl.bioontology.org/ontology/"


@dataclass(frozen=True)
class Vocabulary:
    """A vocabulary.

    Attributes:
        prefix: its canonical prefix.
        iri: what stands before the local identifier in its canonical IRIs.
        key: its record in bioregistry; empty where it has none.
        names: other spellings of the prefix, beside bioregistry's.
        iris: other beginnings of IRIs, beside bioregistry's.
        pattern: what its local identifiers look like, where bioregistry says it wrongly or not.
        not_iris: what bioregistry has and is too general, or another's.
    """

    prefix: str
    iri: str
    key: str = ""
    names: tuple[str, ...] = ()
    iris: tuple[str, ...] = ()
    pattern: str = ""
    not_iris: tuple[str, ...] = ()


def _obo(prefix: str, key: str = "", *names: str, pattern: str = "") -> Vocabulary:
    return Vocabulary(
        prefix, f"{OBO}{prefix}_", key or prefix.lower(), names=names, pattern=pattern
    )


DIGITS = r"^\d+$"

DISEASES = (
    Vocabulary(
        "MONDO",
        f"{OBO}MONDO_",
        "mondo",
        iris=("https://monarchinitiative.org/MONDO:",),
    ),
    Vocabulary(
        "OMIM",
        "https://omim.org/entry/",
        "omim",
        names=("MIM", "OMIM_ID"),
        iris=(
            "https://www.omim.org/entry/",
            "https://omim.org/MIM:",
            "https://www.omim.org/MIM:",
            f"{BIOPORTAL}OMIM/",
            "http://identifiers.org/mim/",
            "http://identifiers.org/mim:",
        ),
        pattern=r"^\d{6}$",
    ),
    Vocabulary(
        "OMIMPS",
        "https://omim.org/phenotypicSeries/PS",
        "omim.ps",
        names=("OMIMPS", "MIMPS"),
        iris=(
            "https://www.omim.org/phenotypicSeries/PS",
            "https://omim.org/phenotypicSeries/",
            "https://www.omim.org/phenotypicSeries/",
        ),
        pattern=r"^\d{6}$",
    ),
    Vocabulary(
        "ORPHA",
        "http://www.orpha.net/ORDO/Orphanet_",
        "orphanet.ordo",
        names=("Orphanet", "ORPHA", "ORDO", "ORPHANET_ID", "orphacode"),
        iris=(
            "http://www.orpha.net/ORDO/ORPHA_",
            f"{OBO}Orphanet_",
            f"{OBO}ORDO_",
            "http://identifiers.org/orphanet/",
            "http://identifiers.org/orphanet:",
            "http://identifiers.org/orphanet.ordo/Orphanet_",
            "http://identifiers.org/orphanet.ordo:Orphanet_",
            "https://bioregistry.io/orphanet:",
            "https://bioregistry.io/orpha:",
            "https://www.orpha.net/en/disease/detail/",
            "https://www.orpha.net/consor/cgi-bin/OC_Exp.php?lng=EN&Expert=",
        ),
        pattern=r"^C?\d+$",
    ),
    Vocabulary("DOID", f"{OBO}DOID_", "doid"),
    Vocabulary(
        "GARD",
        "https://rarediseases.info.nih.gov/diseases/",
        "gard",
        iris=("https://rarediseases.info.nih.gov/?gard_id=", f"{OBO}mondo/sources/GARD_"),
    ),
    Vocabulary("MEDGEN", "https://www.ncbi.nlm.nih.gov/medgen/", "medgen", names=("MedGen",)),
    Vocabulary("NORD", "https://rarediseases.org/rare-diseases/", "nord", pattern=DIGITS),
    Vocabulary("NANDO", "http://nanbyodata.jp/ontology/NANDO_", "nando"),
    Vocabulary("OMIA", "https://omia.org/OMIA", "omia", pattern=r"^\d+(-\d+)?$"),
    Vocabulary("ONCOTREE", "http://oncotree.mskcc.org/oncotree/", "oncotree", pattern=r"^\w+$"),
    _obo("SYMP"),
    _obo("SCDO"),
    _obo("IDO"),
    _obo("OGMS"),
    _obo("MFOMD"),
    _obo("MPATH"),
)

CLASSIFICATIONS = (
    Vocabulary(
        "ICD10",
        "https://icd.who.int/browse10/2019/en#/",
        "icd10",
        names=("ICD-10", "ICD10WHO", "ICD-10-WHO", "ICD10-WHO", "icd"),
        iris=(
            f"{BIOPORTAL}ICD10/",
            "http://id.who.int/icd/release/10/2019/",
            "http://apps.who.int/classifications/icd10/browse/2010/en#/",
            "https://icd.who.int/browse10/2016/en#/",
            "https://icd.who.int/browse10/2010/en#/",
            "http://hl7.org/fhir/sid/icd-10/",
            "http://identifiers.org/icd/",
            "http://identifiers.org/icd:",
        ),
        pattern=r"^([IVX]+|[A-Z]\d\d(-[A-Z]\d\d|\.\d{1,2})?)$",
    ),
    Vocabulary(
        "ICD10CM",
        f"{BIOPORTAL}ICD10CM/",
        "icd10cm",
        names=("ICD-10-CM", "ICD10-CM", "ICD-10CM"),
        iris=("https://icd.codes/icd10cm/", "http://hl7.org/fhir/sid/icd-10-cm/"),
        pattern=r"^(\d{1,2}|[A-Z][0-9A-Z]{2}(-[A-Z][0-9A-Z]{2}|\.[0-9A-Z]{1,4})?)$",
    ),
    Vocabulary(
        "ICD11",
        "http://id.who.int/icd/entity/",
        "icd11",
        names=("ICD-11", "icd11.foundation"),
        iris=(f"{OBO}mondo/sources/icd11foundation/",),
        pattern=DIGITS,
    ),
    Vocabulary(
        "ICD9CM",
        f"{BIOPORTAL}ICD9CM/",
        "icd9cm",
        names=("ICD-9-CM", "ICD9-CM", "ICD9", "ICD-9"),
        iris=(
            f"{BIOPORTAL}ICD9/",
            "https://icd.codes/icd9cm/",
            f"{OBO}mondo/sources/icd9cm/",
        ),
        pattern=r"^(\d{2,3}|V\d\d|E\d{3})(-(\d{3}|V\d\d|E\d{3}))?(\.\d{1,2})?(-\d{2,3}\.\d{1,2})?$",
    ),
    Vocabulary(
        "ICDO",
        f"{BIOPORTAL}ICDO/",
        "icdo",
        names=("ICD-O", "ICD-O-3", "ICDO3"),
        pattern=r"^(\d{4}(/\d)?|C\d\d(\.\d)?)$",
    ),
    Vocabulary(
        "SNOMEDCT",
        "http://snomed.info/id/",
        "snomedct",
        names=("SCTID", "SNOMEDCT_US", "SNOMED_CT", "SNOMED-CT", "SCT", "SNOMED"),
        iris=("http://snomed.info/sct/", f"{BIOPORTAL}SNOMEDCT/"),
        pattern=r"^\d{6,18}$",
    ),
    Vocabulary(
        "UMLS",
        "https://uts.nlm.nih.gov/uts/umls/concept/",
        "umls",
        names=("UMLS_CUI", "CUI"),
        iris=(
            "http://linkedlifedata.com/resource/umls/id/",
            "http://identifiers.org/umls/",
            f"{BIOPORTAL}UMLS/",
        ),
        pattern=r"^(C\d{7}|CN\d{6})$",
    ),
    Vocabulary(
        "MESH",
        "http://id.nlm.nih.gov/mesh/",
        "mesh",
        names=("MSH",),
        iris=(f"{BIOPORTAL}MESH/", "https://meshb.nlm.nih.gov/record/ui?ui=", f"{OBO}MESH_"),
        pattern=r"^([CDQ]\d{6,9}|[A-Z]\d\d(\.\d{3})*)$",
    ),
    Vocabulary(
        "MEDDRA",
        f"{BIOPORTAL}MEDDRA/",
        "meddra",
        names=("MedDRA", "MDR"),
        pattern=r"^\d{8}$",
    ),
    Vocabulary("ATC", f"{BIOPORTAL}ATC/", "atc", names=("UATC",), iris=(f"{BIOPORTAL}UATC/",)),
    Vocabulary("LOINC", "https://loinc.org/", "loinc", names=("LNC",), iris=(f"{BIOPORTAL}LNC/",)),
    Vocabulary("RXNORM", f"{BIOPORTAL}RXNORM/", "rxnorm", names=("RxNorm", "RXCUI")),
    Vocabulary("ISCO", "http://data.europa.eu/esco/isco/", pattern=r"^C\d{1,4}$"),
    Vocabulary("PHECODE", "http://phewascatalog.org/phecode/", pattern=r"^\d{3}(\.\d{1,2})?$"),
    Vocabulary("NDFRT", f"{BIOPORTAL}NDFRT/", "ndfrt"),
    Vocabulary(
        "NCIT",
        f"{OBO}NCIT_",
        "ncit",
        names=("NCI", "NCIThesaurus", "NCI_Thesaurus"),
        iris=(
            "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl#",
            # The human half of OAEI's anatomy task.
            "http://human.owl#NCI_",
            f"{BIOPORTAL}NCI/",
        ),
        pattern=r"^[CRAP]\d+$",
    ),
)

PHENOTYPES_AND_ANATOMY = (
    Vocabulary(
        "HP",
        f"{OBO}HP_",
        "hp",
        names=("HPO",),
        iris=(
            "https://hpo.jax.org/browse/term/",
            "https://hpo.jax.org/app/browse/term/",
            "http://identifiers.org/hpo/",
        ),
    ),
    _obo("MP"),
    _obo("UBERON"),
    _obo("CL"),
    _obo("CLO"),
    _obo("BTO"),
    _obo("PATO"),
    _obo("NBO"),
    _obo("MAXO"),
    _obo("GO", "go"),
    _obo("CHEBI"),
    _obo("ENVO"),
    _obo("ECTO"),
    _obo("NCBITaxon", "ncbitaxon", "TAXON", "NCBITAXON"),
    Vocabulary("MA", f"{OBO}MA_", "ma", iris=("http://mouse.owl#MA_",)),
    Vocabulary("FMA", f"{OBO}FMA_", "fma", names=("FMAID",)),
    Vocabulary(
        "SO",
        f"{OBO}SO_",
        "so",
        iris=("http://www.sequenceontology.org/browser/current_release/term/",),
    ),
    _obo("GENO"),
    _obo("PR"),
    _obo("OBI"),
    _obo("IAO"),
    _obo("BFO"),
    _obo("RO"),
    _obo("ECO"),
    _obo("HANCESTRO", pattern=r"^\d+$"),
    _obo("FOODON"),
    _obo("GSSO"),
    _obo("DUO"),
    Vocabulary(
        "EFO",
        "http://www.ebi.ac.uk/efo/EFO_",
        "efo",
        iris=(f"{BIOPORTAL}EFO/",),
    ),
    Vocabulary("BIRNLEX", "http://uri.neuinfo.org/nif/nifstd/birnlex_", "birnlex"),
)

GENES_AND_PROTEINS = (
    Vocabulary(
        "HGNC",
        "http://identifiers.org/hgnc/",
        "hgnc",
        names=("HGNC_ID",),
        iris=(
            "https://www.genenames.org/data/gene-symbol-report/#!/hgnc_id/",
            "https://www.genenames.org/data/gene-symbol-report/#!/hgnc_id/HGNC:",
            "http://identifiers.org/hgnc/HGNC:",
            f"{BIOPORTAL}HGNC/",
            "http://www.genenames.org/geneId/",
        ),
        pattern=r"^\d{1,5}$",
    ),
    Vocabulary(
        "NCBIGENE",
        "https://www.ncbi.nlm.nih.gov/gene/",
        "ncbigene",
        names=("NCBIGene", "Entrez", "EntrezGene", "GeneID"),
        pattern=DIGITS,
    ),
    Vocabulary(
        "ENSEMBL",
        "https://www.ensembl.org/id/",
        "ensembl",
        iris=("http://rdf.ebi.ac.uk/resource/ensembl/", "http://ensembl.org/id/"),
        pattern=r"^ENS[A-Z]*\d{11}(\.\d+)?$",
    ),
    Vocabulary(
        "UNIPROT",
        "http://purl.uniprot.org/uniprot/",
        "uniprot",
        names=("UniProtKB", "SwissProt"),
        pattern=r"^([OPQ][0-9][A-Z0-9]{3}[0-9]|[A-NR-Z][0-9]([A-Z][A-Z0-9]{2}[0-9]){1,2})$",
    ),
    Vocabulary("DBSNP", "http://identifiers.org/dbsnp/", "dbsnp", pattern=r"^(rs|ss)?\d+$"),
    Vocabulary(
        "CLINVAR", "https://www.ncbi.nlm.nih.gov/clinvar/variation/", "clinvar", pattern=r"^\d+$"
    ),
    Vocabulary("REACTOME", "https://reactome.org/content/detail/", "reactome", pattern=r"^[\w-]+$"),
    Vocabulary("DRUGBANK", "https://go.drugbank.com/drugs/", "drugbank"),
    Vocabulary("MGI", "http://www.informatics.jax.org/marker/MGI:", "mgi", pattern=DIGITS),
)

ONTOLOGIES_OF_THE_PROJECT = (
    Vocabulary(
        "HERO",
        "https://w3id.org/hereditary/ontology/phenoclinical/schema/",
        names=("HEROPHENOCLINICAL",),
        pattern=r"^\w[\w.-]*$",
    ),
    Vocabulary(
        "HEROGENOMICS",
        "https://w3id.org/hereditary/ontology/schema/",
        names=("HEROGEN",),
        iris=("https://w3id.org/hereditary/ontology/genomics/schema/",),
        pattern=r"^\w[\w.-]*$",
    ),
    Vocabulary(
        "BRAINTEASER",
        "https://w3id.org/brainteaser/ontology/schema/",
        pattern=r"^\w[\w.-]*$",
    ),
)

NAMESPACES = (
    Vocabulary("skos", "http://www.w3.org/2004/02/skos/core#"),
    Vocabulary("semapv", "https://w3id.org/semapv/vocab/"),
    Vocabulary("sssom", "https://w3id.org/sssom/"),
    Vocabulary("owl", "http://www.w3.org/2002/07/owl#"),
    Vocabulary("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    Vocabulary("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
    Vocabulary("xsd", "http://www.w3.org/2001/XMLSchema#"),
    Vocabulary("dcterms", "http://purl.org/dc/terms/"),
    Vocabulary("pav", "http://purl.org/pav/"),
    Vocabulary("prov", "http://www.w3.org/ns/prov#"),
    Vocabulary("linkml", "https://w3id.org/linkml/"),
    Vocabulary(
        "oboInOwl", "http://www.geneontology.org/formats/oboInOwl#", "oboinowl", names=("oio",)
    ),
    Vocabulary("orcid", "https://orcid.org/", "orcid"),
    Vocabulary("wikidata", "http://www.wikidata.org/entity/", "wikidata", pattern=r"^[QPL]\d+$"),
    Vocabulary("infores", "https://w3id.org/information-resource-registry/"),
    Vocabulary("pmid", "https://pubmed.ncbi.nlm.nih.gov/", "pubmed", names=("PMID",)),
    Vocabulary("ror", "https://ror.org/", "ror"),
)

VOCABULARIES = (
    *DISEASES,
    *CLASSIFICATIONS,
    *PHENOTYPES_AND_ANATOMY,
    *GENES_AND_PROTEINS,
    *ONTOLOGIES_OF_THE_PROJECT,
    *NAMESPACES,
)
