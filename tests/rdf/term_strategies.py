"""Arbitrary RDF terms and solution sequences, for Hypothesis."""

import polars as pl
from hypothesis import strategies as st

from hereditary_kg.rdf.terms import IRI, XSD, XSD_STRING, BlankNode, Literal

CHARACTERS = st.characters(exclude_categories=["Cs"])
TEXTS = st.text(CHARACTERS, max_size=12) | st.text(
    st.sampled_from("\"'\\\t\n\r\b\f\x00\x01\x1f\x7f\x85\u2028@^<>&{},:[] aZ0é😀\ufeff\ufffe"),
    max_size=12,
)
# IRIs that a strict second implementation takes, too.
IRIS = st.text(st.sampled_from("aZ09-._~!$&'()*+,;=:@/?é日%"), max_size=10).map(
    lambda tail: "http://example.org/" + tail.replace("%", "%C3")
)
LABELS = st.from_regex(r"[A-Za-z0-9_é](?:[A-Za-z0-9_.é-]{0,6}[A-Za-z0-9_-])?", fullmatch=True)
DATATYPES = st.sampled_from(
    [XSD + name for name in ("integer", "decimal", "double", "boolean", "date", "dateTime")]
    + [XSD_STRING, "http://example.org/type#a&b"]
)
LANGUAGES = st.sampled_from(["en", "de-at", "zh-hans-cn", "x-a1"])
LITERALS = st.one_of(
    st.builds(Literal, TEXTS),
    st.builds(Literal, TEXTS, DATATYPES),
    st.builds(lambda text, tag: Literal(text, language=tag), TEXTS, LANGUAGES),
)
TERMS = st.one_of(st.builds(IRI, IRIS), st.builds(BlankNode, LABELS), LITERALS)


@st.composite
def solution_frames(draw, texts=TERMS, max_width=3):
    """Frames of canonical terms, some unbound, some without columns."""
    width = draw(st.integers(0, max_width))
    height = draw(st.integers(0, 5))
    cells = (texts.map(lambda term: term.text)) | st.none()
    if width == 0:
        return pl.DataFrame(height=height)
    names = ["x", "name", "été1"][:width]
    columns = {name: draw(st.lists(cells, min_size=height, max_size=height)) for name in names}
    return pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String))


def legal_in_xml(frame):
    """Whether XML 1.0 can hold every term of a frame."""
    illegal = {chr(code) for code in range(0x20)} - set("\t\n\r") | {"\ufffe", "\uffff"}
    return not any(illegal & set(cell) for column in frame for cell in column if cell)
