"""Reading SPARQL XML results into columns, while they arrive.

The parser is expat, event by event; a document type declaration is refused, and with it
every entity that could be expanded.

Source: SPARQL Query Results XML Format (Second Edition).
"""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import NoReturn
from xml.parsers import expat

import polars as pl

from hereditary_kg.rdf.batching import BatchSize
from hereditary_kg.rdf.canonical import (
    canonicalise_tokens,
    check_variables,
    compose_token,
    quote_excerpt,
)
from hereditary_kg.rdf.errors import ResultError

__all__ = ["parse_xml_boolean", "read_xml"]

_NAMESPACE = "http://www.w3.org/2005/sparql-results#"
_LANGUAGE = "http://www.w3.org/XML/1998/namespace lang"
# Every element of the format stands in one other element only.
_PARENTS = {
    "sparql": "",
    "head": "sparql",
    "variable": "head",
    "link": "head",
    "boolean": "sparql",
    "results": "sparql",
    "result": "results",
    "binding": "result",
    "uri": "binding",
    "bnode": "binding",
    "literal": "binding",
}
_TAGS = {f"{_NAMESPACE} {tag}": tag for tag in _PARENTS}


async def read_xml(chunks: AsyncIterator[bytes]) -> AsyncGenerator[pl.DataFrame, None]:
    """Read an XML document; see `read_solutions`.

    Raises:
        ResultError: see `read_solutions`.
    """
    size = BatchSize()
    document = _Document()
    gathered = 0
    async for chunk in chunks:
        document.feed(chunk)
        gathered += len(chunk)
        if document.variables is not None and size.reached(gathered):
            yield document.take_frame()
            size.advance()
            gathered = 0
    document.close()
    if document.boolean is not None:
        raise ResultError("the answer is a boolean, where solutions were expected")
    yield document.take_frame()


def parse_xml_boolean(content: bytes) -> bool:
    """Read the answer to an ASK.

    Raises:
        ResultError: the document is malformed or cut off, or holds no boolean.
    """
    document = _Document()
    document.feed(content)
    document.close()
    if document.boolean is None:
        raise ResultError(f"not a boolean but {quote_excerpt(content)}")
    return document.boolean


class _Document:
    """What has been read of a document so far.

    Attributes:
        variables: None until the solutions begin.
        boolean: the answer to an ASK, or None.
    """

    def __init__(self) -> None:
        self.variables: list[str] | None = None
        self.boolean: bool | None = None
        self._start = b""
        self._names: list[str] = []
        self._known: frozenset[str] = frozenset()
        self._open = ""
        self._text: list[str] = []
        self._binding = ""
        self._attributes: dict[str, str] = {}
        self._solution: dict[str, str] = {}
        self._solutions: list[dict[str, str]] = []
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text.append

    def feed(self, chunk: bytes) -> None:
        """Parse further bytes."""
        if len(self._start) < 1000:
            self._start += chunk[:1000]
        self._parse(chunk, final=False)

    def close(self) -> None:
        """Say that no bytes follow; a document that is not complete is refused."""
        self._parse(b"", final=True)
        if self.variables is None and self.boolean is None:
            raise ResultError(f"the XML document holds no result: {quote_excerpt(self._start)}")

    def take_frame(self) -> pl.DataFrame:
        """Take the solutions that have been read since the last call."""
        solutions, self._solutions = self._solutions, []
        if not self.variables:
            return pl.DataFrame(height=len(solutions))
        columns = (
            pl.Series(name, [solution.get(name) for solution in solutions], dtype=pl.String)
            for name in self.variables
        )
        return pl.DataFrame([canonicalise_tokens(column) for column in columns])

    def _parse(self, chunk: bytes, *, final: bool) -> None:
        try:
            self._parser.Parse(chunk, final)
        except expat.ExpatError as error:
            raise ResultError(
                f"the XML document is malformed or cut off ({error}): {quote_excerpt(self._start)}"
            ) from error

    def _begin(self, element: str, attributes: dict[str, str]) -> None:
        tag = _TAGS.get(element)
        if tag is None or _PARENTS[tag] != self._open:
            self._refuse(f"has an element {element!r} where the format has none")
        self._open = tag
        self._text.clear()
        self._attributes = attributes
        if tag == "binding":
            self._binding = attributes.get("name", "")
        elif tag == "result":
            self._solution = {}
        elif tag == "variable":
            self._names.append(attributes.get("name", ""))
        elif tag == "results":
            self.variables = check_variables(self._names)
            self._known = frozenset(self._names)

    def _end(self, element: str) -> None:
        tag = _TAGS[element]
        self._open = _PARENTS[tag]
        if self._open == "binding":
            if self._binding in self._solution:
                self._refuse(f"gives ?{self._binding} two terms in one solution")
            attributes = self._attributes
            self._solution[self._binding] = compose_token(
                tag, "".join(self._text), attributes.get(_LANGUAGE), attributes.get("datatype")
            )
        elif tag == "binding":
            if self._binding not in self._solution:
                self._refuse(f"gives ?{self._binding} no term")
        elif tag == "result":
            if not self._solution.keys() <= self._known:
                self._refuse("binds a variable that the head does not name")
            self._solutions.append(self._solution)
        elif tag == "boolean":
            text = "".join(self._text).strip()
            if text not in {"true", "false"}:
                self._refuse(f"holds the boolean {text!r}")
            self.boolean = text == "true"
        self._text.clear()

    def _refuse(self, what: str) -> NoReturn:
        raise ResultError(
            f"the XML document {what} (line {self._parser.CurrentLineNumber}): "
            f"{quote_excerpt(self._start)}"
        )

    def _refuse_doctype(self, *_: object) -> NoReturn:
        self._refuse("has a document type declaration, which is not read")
