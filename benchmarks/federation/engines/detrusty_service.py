"""DeTrusty as a SPARQL endpoint; run by the Python of its own environment.

``python detrusty_service.py describe FILE URL…`` collects the source descriptions that it needs
into a file, ``… serve FILE PORT`` answers queries with them. DeTrusty's own service is part of a
container image only; like that one, this calls ``run_query`` with its defaults.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import ForkingMixIn
from typing import Any
from urllib.parse import parse_qs


class Service(ForkingMixIn, HTTPServer):
    """Answers each query in a child of this process.

    A query that DeTrusty cannot parse leaves its parser in a state in which it refuses what
    comes after it; so each begins with the state that the process had at its start.
    """


NOWHERE = "The query cannot be answered by the endpoints in the federation."
"""DeTrusty's word where no member has what the query needs: an empty answer."""


def describe(path: Path, urls: list[str]) -> None:
    """Collect the source descriptions of members."""
    from DeTrusty.Molecule.MTCreation import create_rdfmts

    create_rdfmts(urls, output=str(path))


def answer(query: str, config: Any) -> dict[str, Any]:
    """Answer a query.

    Returns:
        SPARQL results in JSON.

    Raises:
        RuntimeError: DeTrusty says that it failed.
    """
    from DeTrusty import run_query

    found = run_query(query, config=config, yasqe=True)
    error = found.get("error")
    if error and error != NOWHERE:
        raise RuntimeError(error)
    rows = [] if error else [_read_row(row) for row in found["results"]["bindings"]]
    return {"head": found.get("head", {"vars": []}), "results": {"bindings": rows}}


def _read_row(row: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Bring a row to the form of the standard: what is not bound has a value without a type."""
    terms = {name: dict(term) for name, term in row.items() if "type" in term}
    for term in terms.values():
        if term["type"] == "typed-literal":
            term["type"] = "literal"
    return terms


def serve(path: Path, port: int) -> None:
    """Answer queries until the process is ended."""
    from DeTrusty.Molecule.MTManager import get_config

    config = get_config(str(path))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            try:
                status, document = 200, answer(parse_qs(body)["query"][0], config)
            except RuntimeError as error:
                status, document = 500, {"error": str(error)}
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/sparql-results+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing of each request."""

    Service(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    task, file, *rest = sys.argv[1:]
    if task == "describe":
        describe(Path(file), rest)
    else:
        serve(Path(file), int(rest[0]))
