"""The explorer's page at work in headless Chromium: hover, click, slider, keyboard, search."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.cli.calling import SPECS, explored_page
from tests.support.browser import Page


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return explored_page(
        SPECS / "house.nn", tmp_path_factory.mktemp("house"), "sqft=2500", "paid=360000"
    )


@pytest.fixture
def page(chrome: Page, house: Path) -> Iterator[Page]:
    """The house, as it is when it has just been opened; nothing may go wrong in a test."""
    chrome.size(1400, 900)
    chrome.faults.clear()
    chrome.requests.clear()
    chrome.ask("Input.dispatchMouseEvent", type="mouseMoved", x=700, y=5)
    chrome.open(house)
    yield chrome
    assert not chrome.faults


def texts(page: Page, selector: str) -> list[str]:
    found = f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.textContent)"
    result: list[str] = page.value(found)
    return result


def lit(page: Page) -> list[str]:
    return sorted(texts(page, "#boxes .lit .name"))


def test_it_draws_values_and_adjoints_and_fetches_nothing(page: Page) -> None:
    names = ["c1", "c2", "loss", "paid", "price", "sqft", "theta1", "theta2"]
    assert sorted(texts(page, ".box:not(.back) .name")) == names
    adjoints = ["d_c1", "d_c2", "d_loss", "d_price", "d_theta1", "d_theta2"]
    assert sorted(texts(page, ".box.back .name")) == adjoints
    assert "-2.125e8" in texts(page, ".box.back .number")
    assert {url.partition(":")[0] for url in page.requests} <= {"file", "data"}


def test_a_line_lights_its_values_adjoints_and_kernels(page: Page) -> None:
    page.hover("#line-5 code")
    assert lit(page) == ["c1", "d_c1", "d_price", "price"]
    assert texts(page, ".line.lit .number") == ["5"]
    assert page.value("explorer.lit.kernels.size") >= 2
    page.hover("header h1")
    assert lit(page) == []


def test_a_box_lights_its_line_and_underlines_its_expression(page: Page) -> None:
    page.hover("#item-v4 .face")
    assert lit(page) == ["c1", "d_c1"] and texts(page, ".line.lit .number") == ["5"]
    assert texts(page, ".line u") == ["theta2 * sqft"]


def test_a_click_keeps_what_is_lit_and_tells_of_it(page: Page) -> None:
    page.click("#item-g5 .face")
    page.hover("header h1")
    assert lit(page) == ["d_price", "price"]
    told = page.value("document.getElementById('shown').textContent")
    assert "price = theta1 + c1" in told and "d_price = -85,000" in told and "317,500" in told
    page.press("Escape")
    assert lit(page) == []


def test_the_slider_plays_forward_and_then_backward(page: Page) -> None:
    page.value("document.getElementById('first').click()")
    assert set(texts(page, ".number")) >= {"·"} and not texts(page, ".box.known .name")
    page.value("explorer.moveTo(7)")
    assert "c2 = price - paid = -42,500" in texts(page, "#caption")[0]
    assert sorted(texts(page, ".box.known .name"))[:2] == ["c1", "c2"]
    page.value("explorer.moveTo(9)")
    assert "d_c2 = 2 * d_loss * c2 = -85,000" in texts(page, "#caption")[0]
    assert sorted(texts(page, ".box.back.known .name")) == ["d_c2", "d_loss"]
    page.value("document.getElementById('slider').value = 12")
    page.value("document.getElementById('slider').dispatchEvent(new Event('input'))")
    assert "d_theta2 = d_c1 * sqft = -2.125e8" in texts(page, "#caption")[0]


def test_the_slider_is_dragged(page: Page) -> None:
    page.click("#slider")
    assert 5 <= page.value("explorer.state.position") <= 8, "the middle of 13"
    page.click("#run")
    page.wait("explorer.state.position >= 9")
    page.click("#run")
    assert texts(page, "#run") == ["Play"]


def test_a_line_lights_its_kernels_in_their_tab(page: Page) -> None:
    page.click("#tab-kernels")
    page.hover("#line-5 code")
    marked = texts(page, ".kernel.lit h3")
    assert marked and all("line 5" in title for title in marked)
    page.hover("#line-3 code")
    assert len(texts(page, ".kernel.lit h3")) != len(marked)


def test_everything_goes_by_keyboard(page: Page) -> None:
    page.press("Home", "ArrowRight", "ArrowRight")
    assert page.value("explorer.state.position") == 2
    page.press("End")
    assert page.value("explorer.state.position") == 13
    assert "d_theta2 = -2.125e8" in texts(page, "#caption")[0]
    page.press("s", "ArrowDown", "ArrowDown")
    assert page.value("document.activeElement.id") == "line-3"
    assert lit(page) == ["d_theta1", "theta1"]
    page.press("g", "ArrowDown", "ArrowDown", "ArrowDown")
    assert page.value("explorer.state.chosen.item") == "v3"
    page.press("ArrowRight")
    assert page.value("document.activeElement.id") == "item-g3"
    page.press("3")
    assert texts(page, "[role=tab][aria-selected=true]") == ["Kernels"]
    page.press("?")
    assert page.value("document.getElementById('keys').open")


def test_search_finds_names_and_lines(page: Page) -> None:
    page.press("/")
    page.press(*"theta2")
    assert texts(page, "#found button")[0].startswith("theta2")
    assert "theta2" in texts(page, ".box.match .name")
    page.press("Enter")
    assert page.value("explorer.state.chosen.item") == "v3"


def test_every_tab_is_filled(page: Page) -> None:
    for name, words in {
        "passes": "What fired", "kernels": "def k0(", "cost": "operations backward",
        "flow": "Through layers",
    }.items():  # fmt: skip
        page.click(f"#tab-{name}")
        assert words in page.value("document.getElementById('shown').textContent"), name
    page.click("#tab-passes")
    page.value("document.querySelector('.choice button:nth-child(3)').click()")
    assert "theta1" in page.value("document.querySelector('.listing').textContent")


def test_folding_and_unfolding(page: Page) -> None:
    page.value("explorer.fold(1)")
    assert "price" in texts(page, ".box.block:not(.back) .name")
    assert "theta1" not in texts(page, ".box .name")
    page.click("#item-b1 .face", times=2)
    page.value("explorer.unfold(1)")
    assert "theta1" in texts(page, ".box .name")


def test_a_block_stays_in_its_place_when_it_is_unfolded(page: Page) -> None:
    page.value("explorer.fold(1)")
    top = "(s) => Math.round(document.querySelector(s).getBoundingClientRect().top)"
    before = page.value(f"({top})('#item-b1 .face')")
    page.click("#item-b1 .more")
    assert abs(page.value(f"({top})('.frame rect')") - before) <= 2


def test_what_colour_says_is_said_without_it_too(page: Page) -> None:
    """Lit boxes have thicker lines, lit lines a mark, adjoints broken outlines."""
    page.hover("#line-5 code")
    width = "(s) => parseFloat(getComputedStyle(document.querySelector(s)).strokeWidth)"
    assert page.value(f"({width})('.box.lit .face') > 2 * ({width})('.box:not(.lit) .face')")
    mark = "getComputedStyle(document.querySelector('.lit .mark'), '::before').content"
    assert page.value(mark) != "none"
    dashed = "getComputedStyle(document.querySelector('.box.back .face')).strokeDasharray"
    assert page.value(dashed) != "none"


def test_dark_as_the_system_has_it_and_by_a_key(page: Page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.value(ground)
    page.size(1400, 900, dark=True)
    dark = page.value(ground)
    page.press("t")
    assert dark != light and page.value(ground) == light


def test_boxes_say_their_numbers_to_who_does_not_see_them(page: Page) -> None:
    label = "document.getElementById('item-v5').getAttribute('aria-label')"
    assert page.value(label) == "price: theta1 + c1 = 317,500"
    page.press("Home")
    assert page.value(label) == "price: theta1 + c1 = not known yet"


def test_without_webassembly_it_says_so(page: Page, house: Path) -> None:
    script = page.ask(
        "Page.addScriptToEvaluateOnNewDocument", source="delete globalThis.WebAssembly"
    )
    page.ask("Page.navigate", url=house.as_uri())
    page.wait("document.documentElement?.dataset.ready === 'no'")
    assert texts(page, "#status")[0].startswith("No graph can be drawn here: ")
    assert "theta1 + theta2 * sqft" in texts(page, "#line-5 code")[0]
    page.ask("Page.removeScriptToEvaluateOnNewDocument", identifier=script["identifier"])


def test_on_a_telephone_one_view_at_a_time(page: Page) -> None:
    page.size(400, 800)
    shown = "['source', 'stage', 'panel'].filter((i) => document.getElementById(i).offsetWidth)"
    assert page.value(shown) == ["stage"]
    page.click("#views button[data-view=source]")
    assert page.value(shown) == ["source"]
    assert page.value("document.documentElement.scrollWidth") <= 400
