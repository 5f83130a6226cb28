"""Sites made for the tests, and a service of one of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from service_processes import service_process
from site_data import GRAPHS, make_people

from hereditary_kg.sites import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site.create(tmp_path / "clinic", name="clinic", base_iri="https://clinic.example.org/")


@pytest.fixture
def write(tmp_path: Path):
    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


@pytest.fixture(scope="session")
def people_site(tmp_path_factory) -> Site:
    """A site with 40,000 persons and two named graphs."""
    directory = tmp_path_factory.mktemp("people")
    declared = ("detected", "http://example.org/g1")
    site = Site.create(directory / "people", name="people", shared_namespaces=declared)
    (directory / "people.nt").write_text(make_people(40_000))
    (directory / "graphs.nq").write_text(GRAPHS)
    site.load([directory / "people.nt", directory / "graphs.nq"])
    site.build_profile()
    return site


@pytest.fixture(scope="session")
def people_service(people_site) -> Iterator[str]:
    """The people's service."""
    with service_process(people_site, '{"workers": 2}') as (url, _):
        yield url
