import pytest

from hereditary_kg.rdf.errors import UnknownFormatError
from hereditary_kg.rdf.media_types import Format, GraphFormat, ResultFormat, negotiate

RESULTS = list(ResultFormat)
GRAPHS = list(GraphFormat)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("json", ResultFormat.JSON),
        (".srj", ResultFormat.JSON),
        ("TSV", ResultFormat.TSV),
        ("srx", ResultFormat.XML),
        ("turtle", GraphFormat.TURTLE),
        (".ttl", GraphFormat.TURTLE),
        ("nt", GraphFormat.NTRIPLES),
        ("rdf", GraphFormat.RDFXML),
        (GraphFormat.JSONLD, GraphFormat.JSONLD),
    ],
)
def test_formats_are_found_by_name_and_extension(name, found):
    assert type(found).named(name) is found


def test_an_unknown_name_lists_its_nearest():
    with pytest.raises(UnknownFormatError, match=r"'turtel'.*turtle"):
        GraphFormat.named("turtel")
    with pytest.raises(UnknownFormatError, match="json or xml or tsv or csv"):
        ResultFormat.named("parquet")


@pytest.mark.parametrize("member", RESULTS + GRAPHS)
def test_formats_are_found_by_their_media_types(member):
    for media_type in (member.media_type, *member.other_media_types):
        assert type(member).of_media_type(f"{media_type.upper()} ; charset=utf-8") is member
    assert type(member).of_media_type("text/html") is None


@pytest.mark.parametrize("formats", [RESULTS, GRAPHS])
def test_no_media_type_or_name_stands_for_two_formats(formats):
    media_types = [t for f in formats for t in (f.media_type, *f.other_media_types)]
    names = [
        n.removeprefix(".") for f in formats for n in {f.value, *(e[1:] for e in f.extensions)}
    ]
    assert len(set(media_types)) == len(media_types)
    assert len(set(names)) == len(names)
    assert all(isinstance(member, Format) for member in formats)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, ResultFormat.JSON),
        ("", ResultFormat.JSON),
        ("*/*", ResultFormat.JSON),
        ("text/csv", ResultFormat.CSV),
        ("TEXT/CSV", ResultFormat.CSV),
        ("text/csv, */*", ResultFormat.CSV),
        ("text/csv;q=0.5, */*;q=0.9", ResultFormat.JSON),
        ("text/*", ResultFormat.TSV),
        ("text/*, text/tab-separated-values;q=0.1", ResultFormat.CSV),
        ("text/*;q=0.3, text/csv;q=0.3, application/*;q=0.2", ResultFormat.CSV),
        ("application/json", ResultFormat.JSON),
        ("application/xml", ResultFormat.XML),
        ("text/xml, application/sparql-results+json;q=0.9", ResultFormat.XML),
        ("application/sparql-results+json;q=0, */*", ResultFormat.XML),
        ("application/sparql-results+json;q=0, application/json, text/csv;q=0.1", ResultFormat.CSV),
        ("*/*;q=0", None),
        ("text/html", None),
        ("image/*", None),
        ("text/csv;q=0", None),
        ("text/csv;q=0.001", ResultFormat.CSV),
        ("text/csv;charset=utf-8;q=0.2, text/tab-separated-values;q=0.1", ResultFormat.CSV),
        ('text/csv;x="a,b;q=0";q=0.2, text/tab-separated-values;q=0.1', ResultFormat.CSV),
        ("text/csv ; Q=0.2 , text/tab-separated-values ; q=0.1", ResultFormat.CSV),
        ("text/csv;q=high, text/tab-separated-values;q=0.1", ResultFormat.TSV),
        ("nonsense, ;;, text/csv", ResultFormat.CSV),
        ("nonsense", None),
        (
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            ResultFormat.XML,
        ),
    ],
)
def test_negotiation_of_results(accept, chosen):
    assert negotiate(accept, RESULTS) is chosen


def test_negotiation_of_graphs():
    assert negotiate("application/n-triples, text/turtle, */*;q=.1", GRAPHS) is GraphFormat.TURTLE
    assert negotiate("text/plain, text/*;q=0.1", GRAPHS) is GraphFormat.NTRIPLES
    assert negotiate("application/x-turtle", GRAPHS) is GraphFormat.TURTLE


def test_the_first_offered_is_preferred():
    assert negotiate("*/*", [GraphFormat.JSONLD, GraphFormat.TURTLE]) is GraphFormat.JSONLD
    assert negotiate("*/*", []) is None
    assert negotiate(None, []) is None
