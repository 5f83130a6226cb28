"""Building the demo's sites: a small demo loads, is kept, and is built anew when it must be."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from endpoints.demo.build import SITES, build_demo, locate_sites, main
from endpoints.demo.simulate import TITLES
from hereditary_kg.federation.description import read_description
from hereditary_kg.sites.site import Site

ENDPOINTS = Path(__file__).parents[2] / "endpoints"
SMALL = 0.002


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("sites")
    built = build_demo(directory, scale=SMALL)
    assert [site.name for site in built] == list(TITLES)
    assert all(site.fresh for site in built)
    return directory


@pytest.mark.parametrize("name", TITLES)
def test_site_is_loaded_and_profiled(name, directory):
    with Site.open(directory / name) as site:
        profile = site.profile()
        assert site.description.title == TITLES[name]
        assert site.description.base_iri == f"https://{name}.hereditary.example/"
        assert profile is not None
        assert profile.triples == len(site.open_store()) > 100
        assert site.profile_state() == "current"


def test_what_is_built_is_kept(directory):
    assert not any(site.fresh for site in build_demo(directory, scale=SMALL))


def test_a_site_that_is_gone_is_built_anew(directory):
    shutil.rmtree(directory / "genomics")
    fresh = {site.name: site.fresh for site in build_demo(directory, scale=SMALL)}
    assert fresh == {name: name == "genomics" for name in TITLES}


def test_another_scale_is_another_demo(directory, tmp_path):
    shutil.copytree(directory, tmp_path / "copy")
    (site,) = build_demo(tmp_path / "copy", scale=2 * SMALL, only=["genomics"])
    (kept,) = build_demo(directory, scale=SMALL, only=["genomics"])
    assert site.fresh
    assert not kept.fresh
    assert site.triples > kept.triples


def test_a_demo_elsewhere_has_a_description_beside_it(directory):
    description = read_description(directory / "demo.toml")
    assert [member.site for member in description.members] == [directory / name for name in TITLES]


def test_descriptions_name_the_four_sites():
    embedded = read_description(ENDPOINTS / "demo.toml")
    served = read_description(ENDPOINTS / "demo-http.toml")
    assert [member.name for member in embedded.members] == list(TITLES)
    assert [member.name for member in served.members] == list(TITLES)
    assert [member.site for member in embedded.members] == [SITES / name for name in TITLES]
    assert [member.url for member in served.members] == [
        f"http://127.0.0.1:{port}/sparql" for port in (8101, 8102, 8103, 8104)
    ]
    assert embedded.prefixes == served.prefixes


def test_scales_have_directories_of_their_own():
    assert locate_sites(1) == SITES
    assert locate_sites(0.1) == SITES / "scale-0.1"


def test_command_tells_what_it_built(directory):
    result = CliRunner().invoke(main, ["--directory", str(directory), "--scale", str(SMALL)])
    assert result.exit_code == 0
    assert result.output.count("kept") == 4


@pytest.mark.parametrize("scale", ["0", "-1", "2", "much"])
def test_command_refuses_other_scales(scale, tmp_path):
    result = CliRunner().invoke(main, ["--directory", str(tmp_path), "--scale", scale])
    assert result.exit_code == 2
    assert "--scale" in result.output
