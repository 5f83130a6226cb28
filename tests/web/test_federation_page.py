"""The page for people, and what it may load."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from served_federations import Client, make_halves

from hereditary_kg.federation.description import FederationDescription, MemberDescription
from hereditary_kg.web.page import PAGE_HEADERS, write_page

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
VOID_ELEMENTS = {"meta", "link", "input"}


class Outline(HTMLParser):
    """Collects elements, and finds those that are not closed."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.open = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID_ELEMENTS:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def description():
    return FederationDescription(
        "evil",
        "<script>alert(1)</script> {{query}}",
        prefixes={"ex": "http://example.org/"},
        members=(
            MemberDescription("east", title='"East" & <b>'),
            MemberDescription("west", title="West"),
        ),
    )


def test_texts_of_the_description_are_escaped(description):
    page = write_page(description)
    outline = Outline(page)
    assert outline.open == []
    assert len(outline.of("script")) == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{query}}" in page
    assert "&quot;East&quot; &amp; &lt;b&gt;" in page
    assert "2 members" in page


def test_the_page_runs_and_styles_itself_alone(description):
    page = write_page(description)
    policy = PAGE_HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    for tag in ("script", "style"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_the_page_loads_nothing_from_elsewhere(description):
    for _, attributes in Outline(write_page(description)).elements:
        for name in ("src", "href", "action"):
            address = attributes.get(name, "")
            assert not address.startswith(("http:", "https:", "//"))
        assert not any(name.startswith("on") for name in attributes)


def test_every_field_has_a_label(description):
    outline = Outline(write_page(description))
    labelled = {attributes.get("for") for attributes in outline.of("label")}
    assert [a["id"] for a in outline.of("textarea") if a["id"] not in labelled] == []
    assert outline.of("html")[0]["lang"] == "en"
    assert len(outline.of("h1")) == 1


@pytest.mark.sockets
async def test_browsers_get_the_page_and_other_clients_the_endpoint():
    async with Client(make_halves()) as client:
        page, text = await client.get("/", Accept=HTML)
        other, _ = await client.get("/?query=ASK%7B%7D", Accept="*/*")
        blank, _ = await client.get("/")
    assert page.status == 200
    assert page.content_type == "text/html"
    assert page.headers["Content-Security-Policy"] == PAGE_HEADERS["Content-Security-Policy"]
    assert "A &lt;test&gt; &amp; more" in text
    assert (other.status, other.headers["Location"]) == (302, "/sparql?query=ASK%7B%7D")
    assert blank.status == 302
