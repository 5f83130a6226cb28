"""Reading federation descriptions, and what is said about wrong ones."""

from pathlib import Path

import pytest

from hereditary_kg.federation.description import MemberDescription, read_description
from hereditary_kg.federation.description_lines import find_key_lines
from hereditary_kg.federation.errors import DescriptionError

COMPLETE = """\
name = "demo"
title = "Two sites"

[prefixes]
hp = "http://purl.obolibrary.org/obo/HP_"

[[member]]
name = "clinic"
url = "https://clinic.example/sparql"
title = "The clinic"
holds = ["http://e/p", "http://e/vocabulary#"]
username_variable = "CLINIC_USER"
password_variable = "CLINIC_PASSWORD"
results = "json"
timeout = 30
concurrency = 2
profile = "clinic.json"

[[member]]
name = "registry"
site = "sites/registry"

[services]
allowed = ["https://query.example/sparql"]
"""


def write(directory, text):
    (directory / "clinic.json").write_text("{}")
    path = directory / "demo.toml"
    path.write_text(text)
    return path


def member(lines, name="clinic"):
    return f'name = "demo"\n[[member]]\nname = "{name}"\n{lines}\n'


def test_a_complete_description_is_read(tmp_path):
    path = write(tmp_path, COMPLETE)
    federation = read_description(path)
    assert federation.name == "demo"
    assert federation.title == "Two sites"
    assert federation.path == path
    assert federation.prefixes == {"hp": "http://purl.obolibrary.org/obo/HP_"}
    assert federation.allowed_services == ("https://query.example/sparql",)
    assert federation.members == (
        MemberDescription(
            name="clinic",
            url="https://clinic.example/sparql",
            title="The clinic",
            holds=("http://e/p", "http://e/vocabulary#"),
            username_variable="CLINIC_USER",
            password_variable="CLINIC_PASSWORD",
            results="json",
            timeout=30.0,
            concurrency=2,
            profile=tmp_path / "clinic.json",
        ),
        MemberDescription(name="registry", site=tmp_path / "sites" / "registry", title="registry"),
    )


URL = 'url = "http://127.0.0.1/sparql"'


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        ("name = demo", 1, "", "not TOML"),
        ('name = "demo"\nname = "x"', 2, "", "not TOML"),
        ('name = "demo"', 1, "member", "[[member]]"),
        (member(URL).replace('name = "demo"\n', "", 1), 1, "name", "is missing"),
        ('nmae = "demo"', 1, "nmae", "did you mean 'name'?"),
        ('name = "demo"\nmember = 3', 2, "member", "an array of tables"),
        (member(URL) + member("urll = 1", "b")[14:], 7, "member[2].urll", "'url'"),
        (member('urll = "http://e/"'), 4, "member[1].urll", "did you mean 'url'?"),
        (member('colour = "red"'), 4, "member[1].colour", "known are name, url"),
        (member(""), 2, "member[1]", "neither url"),
        (member(f'{URL}\nsite = "x"'), 5, "member[1].site", "one of the two"),
        (member("url = 3"), 4, "member[1].url", "a text in quotes, not a whole number"),
        (member('url = ""'), 4, "member[1].url", "is empty"),
        (member('url = "ftp://e/x"'), 4, "member[1].url", "no http or https address"),
        (member('url = "http://e/x#y"'), 4, "member[1].url", "fragment"),
        (member('url = "http://[e/x"'), 4, "member[1].url", "is no address"),
        (member('url = "http://ann:s3cret@e/x"'), 4, "member[1].url", "secrets"),
        (member('url = "http://${A B}/x"'), 4, "member[1].url", "no environment variable"),
        (member(URL, "my clinic"), 3, "member[1].name", "letters, digits and hyphens"),
        (member(f'{URL}\npassword = "s3cret"'), 5, "member[1].password", "password_variable"),
        (member(f'{URL}\ntoken = "s3cret"'), 5, "member[1].token", "token_variable"),
        (
            member(f'{URL}\ntoken_variable = "s3cret!"'),
            5,
            "member[1].token_variable",
            "not the name of an environment variable",
        ),
        (member(f"{URL}\ntoken_variable = 5"), 5, "member[1].token_variable", "a whole number"),
        (
            member(f'{URL}\nusername_variable = "U"'),
            5,
            "member[1].username_variable",
            "password_variable",
        ),
        (
            member(f'{URL}\npassword_variable = "U"'),
            5,
            "member[1].password_variable",
            "username_variable",
        ),
        (
            member(
                f'{URL}\nusername_variable = "U"\npassword_variable = "P"\ntoken_variable = "T"'
            ),
            7,
            "member[1].token_variable",
            "not with both",
        ),
        (member('site = "x"\ntoken_variable = "T"'), 5, "member[1].token_variable", "directory"),
        (member(f'{URL}\nresults = "xml"'), 5, "member[1].results", '"tsv" or "json"'),
        (member(f"{URL}\ntimeout = 0"), 5, "member[1].timeout", "more than 0"),
        (member(f"{URL}\ntimeout = inf"), 5, "member[1].timeout", "more than 0"),
        (member(f"{URL}\ntimeout = true"), 5, "member[1].timeout", "true or false"),
        (member(f"{URL}\nconcurrency = 0"), 5, "member[1].concurrency", "between 1 and"),
        (member(f"{URL}\nconcurrency = 2.5"), 5, "member[1].concurrency", "a whole number"),
        (member(f'{URL}\nprofile = "none.json"'), 5, "member[1].profile", "no file"),
        (member(f'{URL}\nholds = "http://e/p"'), 5, "member[1].holds", "a list"),
        (member(f'{URL}\nholds = [\n  "hp:1 2",\n]'), 5, "member[1].holds", "no absolute IRI"),
        (member(URL) + '[prefixes]\nhp = "HP_"\n', 6, "prefixes.hp", "no absolute IRI"),
        (member(URL) + '[prefixes]\n"h:" = "e:x"\n', 6, "prefixes.h:", "without the colon"),
        (member(URL) + "[prefixes]\nhp = 3\n", 6, "prefixes.hp", "a text in quotes"),
        (member(URL) + '[services]\nallowed = ["x"]\n', 6, "services.allowed", "'x' is no"),
        (member(URL) + "[services]\nalowed = []\n", 6, "services.alowed", "'allowed'"),
    ],
)
def test_an_error_names_file_line_and_key(tmp_path, text, line, key, words):
    path = write(tmp_path, text)
    with pytest.raises(DescriptionError) as caught:
        read_description(path)
    error = caught.value
    assert (error.path, error.line, error.key) == (path, line, key)
    assert words in error.reason
    assert str(error).startswith(f"{path}:{line}: {key}")
    assert "s3cret" not in str(error)


def test_names_of_members_are_unique(tmp_path):
    second = f'[[member]]\nname = "clinic"\n{URL}\n'
    path = write(tmp_path, member(URL) + second)
    with pytest.raises(DescriptionError, match="called 'clinic' already") as caught:
        read_description(path)
    assert (caught.value.line, caught.value.key) == (6, "member[2].name")


def test_addresses_may_wait_for_the_environment(tmp_path):
    path = write(tmp_path, member('url = "${CLINIC_URL}"'))
    assert read_description(path).members[0].url == "${CLINIC_URL}"


def test_a_missing_or_unreadable_file_is_named(tmp_path):
    with pytest.raises(DescriptionError, match="no such file"):
        read_description(tmp_path / "none.toml")
    with pytest.raises(DescriptionError, match="cannot be read"):
        read_description(tmp_path)
    latin = tmp_path / "latin.toml"
    latin.write_bytes('name = "café"'.encode("latin-1"))
    with pytest.raises(DescriptionError, match="not UTF-8"):
        read_description(str(latin))


def test_lines_of_keys_are_found_around_strings_comments_and_dots():
    text = '''\
# [[member]]
a.b = 1
text = """
[fake]
name = "no"
"""
one = """x"""
[ services . "x y" ]
'k' = 1
[[member]]  # the first
[[member]]
name = "b"
[member.limits]
n = 1
'''
    assert find_key_lines(text) == {
        ("a", "b"): 2,
        ("text",): 3,
        ("one",): 7,
        ("services", "x y"): 8,
        ("services", "x y", "k"): 9,
        ("member", 0): 10,
        ("member", 1): 11,
        ("member", 1, "name"): 12,
        ("member", 1, "limits"): 13,
        ("member", 1, "limits", "n"): 14,
    }


def test_the_shipped_descriptions_are_right():
    endpoints = Path(__file__).parents[2] / "endpoints"
    files = sorted(endpoints.glob("*.toml"))
    if not files:
        pytest.skip("no federation description is shipped yet")
    for file in files:
        assert read_description(file).members


def test_what_a_foreign_endpoint_does_can_be_described(tmp_path):
    path = tmp_path / "federation.toml"
    text = 'name = "f"\n[[member]]\nname = "m"\nurl = "http://127.0.0.1/sparql"\n'
    path.write_text(text + 'bindings = "filter"\nrow_cap = 1234\n')
    (member,) = read_description(path).members
    assert (member.bindings, member.row_cap) == ("filter", 1234)
    path.write_text(text)
    (member,) = read_description(path).members
    assert (member.bindings, member.row_cap) == (None, None)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('bindings = "inline"', '"values" or "filter"'),
        ("row_cap = 5", "must lie between 18"),
    ],
)
def test_what_no_endpoint_does_is_refused(tmp_path, line, words):
    path = tmp_path / "federation.toml"
    path.write_text(
        f'name = "f"\n[[member]]\nname = "m"\nurl = "http://127.0.0.1/sparql"\n{line}\n'
    )
    with pytest.raises(DescriptionError, match=words) as caught:
        read_description(path)
    assert caught.value.line == 5
