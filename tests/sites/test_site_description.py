import pytest

from hereditary_kg.sites import Site, SiteDescriptionError, SiteError

GOOD = """\
name = "clinic"
title = "The clinic"
base_iri = "https://clinic.example.org/"
created = 2025-01-02T03:04:05Z

[service]
port = 9000
time_limit = 1.5
"""


def test_a_created_site_opens_as_it_was_described(tmp_path):
    created = Site.create(
        tmp_path / "s", name="clinic", base_iri="https://c.example.org/", title='A "clinic" \\ ü'
    )
    assert Site.open(tmp_path / "s").description == created.description
    assert created.description.title == 'A "clinic" \\ ü'


def test_the_name_is_the_directorys_where_none_is_given(tmp_path):
    site = Site.create(tmp_path / "registry")
    assert site.description.name == "registry"
    assert site.description.base_iri == "https://registry.invalid/"


def test_settings_of_the_service_are_read(tmp_path):
    (tmp_path / "site.toml").write_text(GOOD)
    service = Site.open(tmp_path).description.service
    assert (service.port, service.time_limit, service.workers) == (9000, 1.5, 2)


@pytest.mark.parametrize(
    ("old", "new", "line", "key"),
    [
        ('name = "clinic"', "name = 5", 1, "name"),
        ('name = "clinic"', 'name = "The Clinic"', 1, "name"),
        ('name = "clinic"', "", None, "name"),
        ("https://clinic.example.org/", "clinic", 3, "base_iri"),
        ("port = 9000", "port = 70000", 7, "service.port"),
        ("port = 9000", "prot = 9000", 7, "service.prot"),
        ("port = 9000", "port = true", 7, "service.port"),
        ("time_limit = 1.5", "time_limit = 0", 8, "service.time_limit"),
        ("[service]", "[servise]", 6, "servise"),
        ("port = 9000", "port = = 3", 7, None),
    ],
)
def test_mistakes_name_file_line_and_key(tmp_path, old, new, line, key):
    (tmp_path / "site.toml").write_text(GOOD.replace(old, new))
    with pytest.raises(SiteDescriptionError) as caught:
        Site.open(tmp_path)
    assert (caught.value.line, caught.value.key) == (line, key)
    place = str(tmp_path / "site.toml") + (f":{line}" if line else "")
    assert str(caught.value).startswith(place + ": ")


def test_what_is_no_site_is_refused_with_a_hint(tmp_path):
    with pytest.raises(SiteError, match="hkg site create"):
        Site.open(tmp_path / "missing")
    with pytest.raises(SiteError, match=r"no site\.toml"):
        Site.open(tmp_path)


def test_a_site_is_not_created_over_something_else(tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(SiteError, match="not empty"):
        Site.create(tmp_path, name="x")
    with pytest.raises(SiteError, match="no name"):
        Site.create(tmp_path / "x", name="Not a name")
    with pytest.raises(SiteError, match="no base IRI"):
        Site.create(tmp_path / "x", name="x", base_iri="http://a b/")
    assert not (tmp_path / "x").exists()
