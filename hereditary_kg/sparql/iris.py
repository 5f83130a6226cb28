"""IRI references, how they are completed, and the prefixes that everybody knows.

Source: RFC 3986, section 5.2 (relative resolution); RFC 3987, section 2.2 (syntax).
"""

import re

__all__ = ["WELL_KNOWN_PREFIXES", "find_iri_fault", "is_absolute", "resolve_iri"]

WELL_KNOWN_PREFIXES = {
    "bto": "https://w3id.org/brainteaser/ontology/schema/",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "dcterms": "http://purl.org/dc/terms/",
    "doid": "http://purl.obolibrary.org/obo/DOID_",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "geno": "http://purl.obolibrary.org/obo/GENO_",
    "hero": "https://w3id.org/hereditary/ontology/schema/",
    "hgnc": "http://identifiers.org/hgnc/",
    "hp": "http://purl.obolibrary.org/obo/HP_",
    "mondo": "http://purl.obolibrary.org/obo/MONDO_",
    "ncit": "http://purl.obolibrary.org/obo/NCIT_",
    "obo": "http://purl.obolibrary.org/obo/",
    "omim": "https://omim.org/entry/",
    "orpha": "http://www.orpha.net/ORDO/Orphanet_",
    "owl": "http://www.w3.org/2002/07/owl#",
    "prov": "http://www.w3.org/ns/prov#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "schema": "https://schema.org/",
    "sio": "http://semanticscience.org/resource/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "void": "http://rdfs.org/ns/void#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_PARTS = re.compile(
    rf"(?:({_SCHEME.pattern}))?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL
)


def is_absolute(reference: str) -> bool:
    """Whether ``reference`` begins with a scheme.

    >>> is_absolute("urn:a"), is_absolute("a/b:c")
    (True, False)
    """
    return _SCHEME.match(reference) is not None


_SUSPECT = re.compile(r"[%\[\]]|#[^#]*#")
_FAULTS = (
    (re.compile(r"%(?![0-9A-Fa-f]{2})"), "a % without two hexadecimal digits behind it"),
    (re.compile(r"#[^#]*#"), "a second #"),
    (re.compile(r"^(?:[^/?#]*:)?(?!//)[^\[\]]*[\[\]]"), "a square bracket"),
    (re.compile(r"^(?:[^/?#]*:)?//[^/?#]*[/?#][^\[\]]*[\[\]]"), "a square bracket"),
)


def find_iri_fault(reference: str) -> str | None:
    """Name what keeps ``reference`` from being an IRI or a relative reference, if anything.

    Only what a typing error brings about is looked for, not the whole grammar.

    >>> find_iri_fault("http://example.org/100%")
    'a % without two hexadecimal digits behind it'
    """
    if _SUSPECT.search(reference):
        for pattern, fault in _FAULTS:
            if pattern.search(reference):
                return fault
    if is_absolute(reference):
        return None
    first = re.split("[/?#]", reference, maxsplit=1)[0]
    if ":" in first:
        return f"{first.partition(':')[0] + ':'!r}, which is no scheme"
    return None


def resolve_iri(reference: str, base: str) -> str:
    """Resolve ``reference`` against the absolute IRI ``base``.

    An absolute IRI is left to the letter: SPARQL compares IRIs without normalising them.

    >>> resolve_iri("../c", "http://example.org/a/b/d")
    'http://example.org/a/c'
    """
    if is_absolute(reference):
        return reference
    _, authority, path, query, fragment = _split(reference)
    scheme, base_authority, base_path, base_query, _ = _split(base)
    if authority is not None:
        path = _without_dots(path)
    elif not path:
        authority, path = base_authority, base_path
        query = base_query if query is None else query
    else:
        authority = base_authority
        if not path.startswith("/"):
            folder = base_path.rpartition("/")[0]
            rootless = base_authority is not None and not base_path
            path = ("/" if rootless else folder + "/") + path
        path = _without_dots(path)
    return _unsplit(scheme, authority, path, query, fragment)


def _split(iri: str) -> tuple[str | None, str | None, str, str | None, str | None]:
    match = _PARTS.fullmatch(iri)
    if match is None:
        raise ValueError(f"not an IRI reference: {iri!r}")
    scheme, authority, path, query, fragment = match.groups()
    return scheme, authority, path or "", query, fragment


def _unsplit(
    scheme: str | None, authority: str | None, path: str, query: str | None, fragment: str | None
) -> str:
    text = scheme or ""
    text += "" if authority is None else f"//{authority}"
    text += path
    text += "" if query is None else f"?{query}"
    return text + ("" if fragment is None else f"#{fragment}")


def _without_dots(path: str) -> str:
    if "." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")
    for position, segment in enumerate(segments):
        last = position == len(segments) - 1
        if segment == "..":
            if len(kept) > 1:
                kept.pop()
            if last:
                kept.append("")
        elif segment == ".":
            if last:
                kept.append("")
        else:
            kept.append(segment)
    return "/".join(kept)
