"""``hkg site``: from an empty directory to a described site, and what can be wrong on the way."""

import gzip
import json
import shutil

import pytest
from federation_data import CLINIC

from hereditary_kg.sites import Site


@pytest.fixture
def site(tmp_path):
    return Site.create(tmp_path / "ward", name="ward").directory


def test_create_load_profile_info(run, tmp_path, data_file):
    directory = tmp_path / "ward"
    created = run(
        "site", "create", directory, "--title", "Ward 7", "--base-iri", "https://ward.example/"
    )
    assert (created.code, created.output) == (0, "")
    assert "Created the site ward" in created.errors
    zipped = tmp_path / "more.nt.gz"
    zipped.write_bytes(gzip.compress(b"<urn:a> <urn:b> _:x .\n"))
    loaded = run("site", "load", directory, data_file, zipped)
    assert loaded.code == 0
    assert "Loaded 2 files with 10 statements, 10 of them new" in loaded.errors
    profiled = run("site", "profile", directory)
    assert profiled.code == 0
    assert "Profiled 10 triples: 5 predicates, 1 class" in profiled.errors
    shown = run("site", "info", directory)
    assert shown.code == 0
    for words in ("Ward 7", "https://ward.example/", "current", "clinic.ttl", "more.nt.gz"):
        assert words in shown.output
    described = json.loads(run("site", "info", directory, "-O", "json").output)
    assert described["statements"] == 10
    # A class of fewer than three instances is not named.
    assert described["classes"] == {}
    assert described["unlisted"] == {"predicates": 0, "classes": 1, "named_graphs": 0}
    assert described["predicates"]["http://example.org/age"] == 2
    assert [file["name"] for file in described["loads"][0]["files"]] == [
        "clinic.ttl",
        "more.nt.gz",
    ]


def test_a_profile_shows_what_it_publishes(run, tmp_path):
    data = tmp_path / "codes.nt"
    codes = "http://purl.obolibrary.org/obo/HP_"
    data.write_text(
        "".join(
            f"<urn:case:{n}> <urn:v:has> <{codes}{n % 3}> .\n"
            f'<urn:case:{n}> <urn:v:sex> "{"mf"[n % 2]}" .\n'
            f"<urn:case:{n}> <urn:v:ward> <http://wards.example/{n % 3}> .\n"
            for n in range(30)
        )
    )
    outputs = {}
    for name, options in {
        "detected": [],
        "declared": ["--shared-namespace", "http://wards.example/"],
        "silent": ["--no-detect-namespaces"],
    }.items():
        directory = tmp_path / name
        assert run("site", "create", directory, *options).code == 0
        assert run("site", "load", directory, data).code == 0
        shown = run("site", "profile", directory)
        assert shown.code == 0
        outputs[name] = " ".join(shown.output.split())
    assert "characteristic sets 1 " in outputs["detected"]
    assert f"{codes}… detected" in outputs["detected"]
    assert "texts of <urn:v:sex> few values" in outputs["detected"]
    assert "wards.example/…" not in outputs["detected"]
    assert "http://wards.example/… declared" in outputs["declared"]
    assert "No constants are published." in outputs["silent"]


def test_the_codes_of_a_site_are_shown(run, tmp_path):
    hp, omim = "http://purl.obolibrary.org/obo/HP_", "https://omim.org/entry/"
    data = tmp_path / "codes.nt"
    data.write_text(
        "".join(
            f"<urn:case:{n}> <urn:v:has> <{hp}{n % 3:07}> .\n"
            f"<urn:case:{n}> <urn:v:disease> <{omim}{100100 + n % 2}> .\n"
            for n in range(30)
        )
        + '<urn:case:1> <urn:v:disease> "unclear" .\n'
    )
    terms = tmp_path / "terms.tsv"
    terms.write_text("id\tlabel\nHP:0000001\tAll\nHP:0000002\tOther\n")
    assert run("map", "import", terms, "-o", tmp_path / "hub").code == 0
    directory = tmp_path / "site"
    assert run("site", "create", directory).code == 0
    assert run("site", "load", directory, data).code == 0
    shown = run("site", "profile", directory)
    words = " ".join(shown.output.split())
    assert "codes at vocabulary codes triples" in words
    assert "<urn:v:has> HP 3 30" in words
    assert "<urn:v:disease> OMIM 2 and others 30" in words
    shown = run("site", "info", directory, "--hub", tmp_path / "hub")
    assert "<urn:v:has> HP 3 30 2 (67 %)" in " ".join(shown.output.split())
    described = json.loads(
        run("site", "info", directory, "-O", "json", "--hub", tmp_path / "hub").output
    )
    assert described["codes"] == [
        {
            "predicate": "urn:v:disease",
            "vocabulary": "OMIM",
            "codes": 2,
            "triples": 30,
            "complete": False,
            "known": 0,
        },
        {
            "predicate": "urn:v:has",
            "vocabulary": "HP",
            "codes": 3,
            "triples": 30,
            "complete": True,
            "known": 2,
        },
    ]
    assert run("site", "info", directory, "--hub", tmp_path / "none").code == 2


def test_a_namespace_of_the_sites_own_iris_is_refused(run, tmp_path):
    shown = run(
        "site",
        "create",
        tmp_path / "ward",
        "--base-iri",
        "https://ward.example/",
        "--shared-namespace",
        "https://ward.example/",
    )
    assert shown.code == 2
    assert "covers the site's own IRIs" in shown.errors


def test_quiet(run, tmp_path, data_file):
    directory = tmp_path / "ward"
    for arguments in (
        ["create", directory],
        ["load", directory, data_file],
        ["profile", directory],
    ):
        shown = run("site", *arguments, "-q")
        assert (shown.code, shown.output, shown.errors) == (0, "", "")


def test_blank_nodes_are_kept_when_asked(run, site, tmp_path):
    path = tmp_path / "blank.nt"
    path.write_text("_:a <urn:b> <urn:c> .\n")
    run("site", "load", site, path, "--keep-blank-nodes")
    run("site", "profile", site)
    assert Site.open(site).profile().predicates["urn:b"].blank_subjects


def test_info_of_an_empty_site(run, site):
    shown = run("site", "info", site)
    assert shown.code == 0
    assert "hkg site profile" in shown.output
    assert json.loads(run("site", "info", site, "-O", "json").output)["predicates"] is None


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("wrong.ttl", "@prefix ex: <urn:x> .\nex:a ex:b ex:c\nex:d ex:e ex:f .\n", "wrong.ttl:3:"),
        ("wrong.nt", "<urn:a> <urn:b> <urn:c> .\n<urn:a> <urn:b> .\n", "wrong.nt:2:"),
        ("wrong.csv", "a,b\n", "the extension '.csv' tells no RDF format"),
    ],
)
def test_broken_data(run, site, tmp_path, data_file, name, content, place):
    path = tmp_path / name
    path.write_text(content)
    shown = run("site", "load", site, data_file, path)
    assert (shown.code, shown.output) == (2, "")
    assert place in shown.errors
    assert Site.open(site).loads() == ()


def test_missing_data(run, site, tmp_path):
    shown = run("site", "load", site, tmp_path / "none.ttl")
    assert shown.code == 2
    assert "there is no such file" in shown.errors


@pytest.mark.parametrize("command", ["load", "profile", "serve", "info"])
def test_no_site(run, tmp_path, data_file, command):
    more = [data_file] if command == "load" else []
    missing = run("site", command, tmp_path / "none", *more)
    assert (missing.code, missing.output) == (2, "")
    assert "hkg site create" in missing.errors
    empty = tmp_path / "empty"
    empty.mkdir()
    other = run("site", command, empty, *more)
    assert other.code == 2
    assert "has no site.toml" in other.errors


@pytest.mark.parametrize("command", ["load", "profile", "serve", "info"])
def test_a_broken_description(run, site, data_file, command):
    (site / "site.toml").write_text('name = "ward"\nbase_iri = 7\n')
    shown = run("site", command, site, *([data_file] if command == "load" else []))
    assert (shown.code, shown.output) == (2, "")
    assert "site.toml:2: base_iri" in shown.errors


@pytest.mark.parametrize("command", ["load", "profile", "serve"])
def test_a_lost_store(run, site, data_file, command):
    run("site", "load", site, data_file)
    shutil.rmtree(site / "store")
    more = [data_file] if command == "load" else []
    shown = run("site", command, site, *more)
    assert (shown.code, shown.output) == (2, "")
    assert "the store is missing" in shown.errors


def test_a_store_that_is_none(run, site, data_file):
    run("site", "load", site, data_file)
    for file in (site / "store").rglob("CURRENT"):
        file.write_text("nonsense")
    shown = run("site", "profile", site)
    assert (shown.code, shown.output) == (2, "")
    assert "store" in shown.errors


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--name", "Ward 7"], "is no name for a site"),
        (["--base-iri", "ward"], "is no base IRI"),
    ],
)
def test_names_that_are_none(run, tmp_path, arguments, said):
    shown = run("site", "create", tmp_path / "ward", *arguments)
    assert (shown.code, shown.output) == (2, "")
    assert said in shown.errors
    assert not (tmp_path / "ward").exists()


def test_create_where_something_is(run, data_file):
    shown = run("site", "create", data_file.parent)
    assert shown.code == 2
    assert "is not empty" in shown.errors
    assert data_file.read_text() == CLINIC


def test_load_while_it_is_read(run, site, data_file):
    run("site", "load", site, data_file)
    with Site.open(site).hold():
        shown = run("site", "load", site, data_file)
    assert shown.code == 1
    assert "is being served or read" in shown.errors
