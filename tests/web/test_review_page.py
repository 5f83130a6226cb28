"""The reviewers' page in a real browser: keys, undo, reload, and what stands in the file then."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from browser import open_browser

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "semantics"))

from review_files import ADA, HUB, ROWS, write_candidates

from hereditary_kg.semantics.review.session import ReviewSession, Surroundings
from hereditary_kg.semantics.saved_queries import SavedQuery
from hereditary_kg.semantics.sssom import ROW, read_mapping_set
from hereditary_kg.web.review.service import serve_review

PAIRS = [row[:2] for row in ROWS]
MINE = "Number(document.getElementById('bar').value)"
QUERY = SavedQuery("als", frozenset({"MONDO:0004976"}))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "candidates.sssom.tsv"
    write_candidates(path)
    return path


async def start(session, reviewer):
    """Serve a review; give the reviewer's address, and what ends it."""
    ready, stop = asyncio.get_running_loop().create_future(), asyncio.Event()
    task = asyncio.create_task(
        serve_review(session, [reviewer], on_ready=ready.set_result, stop=stop)
    )
    await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
    address = ready.result()[reviewer]

    async def end():
        stop.set()
        await task

    return address, end


@pytest.mark.sockets
@pytest.mark.timeout(600)
async def test_a_reviewer_decides_by_keys(path, tmp_path):
    pictures = Path(os.environ.get("HKG_TEST_PICTURES") or tmp_path)
    session = ReviewSession(path, Surroundings(HUB, {"MONDO:0004976": 9}, [QUERY]))
    address, end = await start(session, ADA)
    async with open_browser(tmp_path) as browser:
        await browser.show_as()
        await browser.open(address)
        await browser.wait_for("!document.getElementById('item').hidden")
        assert "amyotrophic lateral sclerosis" in await browser.text("#sentence")
        assert "9 records with these codes; 1 query (als)" in await browser.text("#stakes")
        assert "NCIT:C4802" in await browser.text("#against")
        assert await browser.text(".card:last-child h2 mark") == "Amyotrophic Lateral Sclerosis"
        for dark in (False, True):
            for width in (1280, 390):
                await browser.show_as(width=width, dark=dark)
                overflow = "document.documentElement.scrollWidth > innerWidth"
                assert await browser.run(f"return {overflow}") is False
                await browser.save_picture(pictures / f"review-{width}-{'dark' * dark}.png")
        await browser.show_as()

        # x is two people's key for opposite things, and help is no decision.
        await browser.press("x")
        await browser.press("?")
        await browser.wait_for("document.getElementById('help').open")
        await browser.save_picture(pictures / "review-help.png")
        await browser.press("e")
        await browser.press("\ue00c")  # Escape
        await browser.wait_for("document.getElementById('help').open", wanted=False)
        assert await browser.run(f"return {MINE}") == 0

        for decided, key in enumerate("eb0nc", start=1):
            await browser.press(key)
            await browser.wait_for(MINE, decided)
        await browser.wait_for("document.getElementById('nothing').hidden", wanted=False)
        assert "All is decided" in await browser.text("#nothing")
        await browser.save_picture(pictures / "review-done.png")
        await browser.press("u")
        await browser.wait_for(MINE, 4)
        assert "solitude" in await browser.text("#sentence")
        await browser.reload()
        await browser.wait_for("!document.getElementById('item').hidden")
        assert "solitude" in await browser.text("#sentence")
        assert await browser.run(f"return {MINE}") == 4
        # The keyboard reaches each button, and its focus is seen.
        await browser.press("\ue004")  # Tab
        focused = "getComputedStyle(document.activeElement).outlineStyle"
        assert await browser.run(f"return {focused}") == "solid"
        assert await browser.messages() == []

        await end()
        await browser.press("0")
        await browser.wait_for("document.getElementById('problem').hidden", wanted=False)
        assert "was not decided" in await browser.text("#problem")
    assert session.close() is None
    rows = {
        (row["subject_id"], row["object_id"]): (
            "not" if row["predicate_modifier"] else row["predicate_id"],
            row["reviewer_id"],
        )
        for row in read_mapping_set(path).rows.drop(ROW).to_dicts()
    }
    first, second, third, fourth, fifth = (
        rows[pair] for pair in (PAIRS[0], PAIRS[3], PAIRS[1], PAIRS[2], PAIRS[4])
    )
    assert fifth == ("skos:exactMatch", None)
    decided = [first, second, third, fourth]
    assert {who for _, who in decided} == {ADA.text}
    assert [said for said, _ in decided] == [
        "skos:exactMatch",
        "skos:broadMatch",
        "not",
        "skos:narrowMatch",
    ]


@pytest.mark.sockets
@pytest.mark.timeout(600)
@pytest.mark.parametrize("dark", [False, True])
async def test_text_is_told_apart_from_its_background(path, tmp_path, dark):
    session = ReviewSession(path, Surroundings(HUB))
    address, end = await start(session, ADA)
    async with open_browser(tmp_path) as browser:
        await browser.show_as(dark=dark)
        await browser.open(address)
        await browser.wait_for("!document.getElementById('item').hidden")
        ratios = await browser.run(CONTRASTS)
        unlabelled = await browser.run(
            "return [...document.querySelectorAll('button, progress, section, dialog')].filter("
            "(e) => !e.innerText && !e.getAttribute('aria-label') "
            "&& !e.getAttribute('aria-labelledby')).map((e) => e.outerHTML)"
        )
        await end()
    session.close()
    assert len(ratios) > 20
    assert {text: ratio for text, ratio in ratios if ratio < 4.5} == {}
    assert unlabelled == []


# Source: WCAG 2.2, contrast ratio; success criterion 1.4.3.
CONTRASTS = """
const rgba = (text) => text.match(/[\\d.]+/g).map(Number);
const light = (parts) => {
  const [r, g, b] = parts.slice(0, 3).map((each) => {
    const c = each / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) {
    const [r, g, b, a = 1] = rgba(getComputedStyle(at).backgroundColor);
    layers.push([r, g, b, a]);
    if (a === 1) break;
  }
  let colour = layers.pop();
  for (const [r, g, b, a] of layers.reverse()) {
    colour = [r, g, b].map((each, n) => each * a + colour[n] * (1 - a));
  }
  return colour;
};
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  const shown = element.checkVisibility() && !element.closest("script, button:disabled");
  if (walker.currentNode.data.trim() && shown) {
    const pair = [light(rgba(getComputedStyle(element).color)), light(behind(element))];
    const [low, high] = pair.sort((a, b) => a - b);
    found.push([walker.currentNode.data.trim(), (high + 0.05) / (low + 0.05)]);
  }
}
return found;
"""
