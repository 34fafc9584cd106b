"""The explorer's page of specs that are hostile or large, and of every spec there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runtime.cli.calling import SPECS, explored_page
from tests.support.browser import Page

HOSTILE = """# </script><script>globalThis.broken = 1</script>
# <img src=x onerror="globalThis.broken = 1">
model f(x : [2]) -> scalar {
    h = x |> dense(2) |> tanh   # "</style><svg onload='globalThis.broken = 1'>
    sum(h)
}
"""


def test_no_text_of_a_spec_runs(chrome: Page, tmp_path: Path) -> None:
    spec = tmp_path / "hostile.nn"
    spec.write_text(HOSTILE)
    chrome.size(1400, 900)
    chrome.faults.clear()
    chrome.open(explored_page(spec, tmp_path))
    for tab in range(1, 6):
        chrome.press(str(tab))
    chrome.hover("#line-4 code")
    chrome.click("#line-4 code")
    chrome.press("1")
    assert chrome.value("globalThis.broken") is None and not chrome.faults
    assert "<img src=x onerror=" in chrome.value("document.getElementById('line-2').textContent")


def test_a_long_row_without_layers_is_folded_too(chrome: Page, tmp_path: Path) -> None:
    """800 operators of one body: what is drawn stays what a person can look at."""
    spec = tmp_path / "flat.nn"
    lines = "".join(f"    x{k + 1} = sin(x{k}) * x{k}\n" for k in range(400))
    spec.write_text(f"model f(x0 : scalar) -> scalar {{\n{lines}    x400\n}}\n")
    chrome.size(1400, 900)
    chrome.open(explored_page(spec, tmp_path, "--wrt", "x0"))
    assert chrome.value("explorer.boxes.size") <= 120
    chrome.value("explorer.goTo('v700')")
    assert chrome.value("explorer.boxes.has('v700')")
    assert chrome.value("explorer.boxes.size") <= 300
    chrome.value("explorer.moveTo(1000)")
    assert chrome.value("explorer.touched.layouts") <= 4


SEEN = """(() => {
    const stage = document.getElementById('graph').getBoundingClientRect();
    const scale = document.getElementById('world').getCTM().a;
    const loss = JSON.parse(document.getElementById('data').textContent).loss;
    const inside = (box) => box.left >= stage.left - 1 && box.right <= stage.right + 1
        && box.top >= stage.top - 1 && box.bottom <= stage.bottom + 1;
    const texts = [...document.querySelectorAll('#boxes text.name')];
    return {
        pixels: Math.min(...texts.map((t) => parseFloat(getComputedStyle(t).fontSize))) * scale,
        loss: ['v', 'g'].every((letter) =>
            inside(document.getElementById(`item-${letter}${loss}`).getBoundingClientRect())),
    };
})()"""


@pytest.mark.parametrize("spec", ["house", "mnist_cnn"])
@pytest.mark.parametrize("window", [(1400, 900), (400, 800)])
def test_the_first_view_can_be_read(
    chrome: Page, tmp_path: Path, spec: str, window: tuple[int, int]
) -> None:
    """Text of 8 pixels at least, the loss and its adjoint in sight; Fit shows the whole."""
    chrome.size(*window)
    chrome.open(explored_page(SPECS / f"{spec}.nn", tmp_path))
    seen = chrome.value(SEEN)
    assert seen["pixels"] >= 8 and seen["loss"], seen
    said = "document.getElementById('status').textContent"
    chrome.click("#fit")
    if "Fit shows all" in chrome.value(said):
        assert chrome.value(SEEN)["pixels"] < seen["pixels"]


def test_a_line_that_is_chosen_is_brought_into_sight(chrome: Page, tmp_path: Path) -> None:
    chrome.size(1400, 900)
    chrome.open(explored_page(SPECS / "mnist_cnn.nn", tmp_path))
    chrome.click("#line-4 code")
    inside = """(() => {
        const [stage, box] = ['#graph', '#boxes .box.lit'].map((it) =>
            document.querySelector(it).getBoundingClientRect());
        return box.top >= stage.top && box.bottom <= stage.bottom;
    })()"""
    assert chrome.value(inside)


@pytest.mark.wide
@pytest.mark.parametrize("spec", sorted(SPECS.glob("*.nn")), ids=lambda path: path.stem)
def test_every_spec_has_a_page(chrome: Page, spec: Path, tmp_path: Path) -> None:
    chrome.faults.clear()
    chrome.size(1400, 900)
    chrome.open(explored_page(spec, tmp_path))
    chrome.value("explorer.unfoldAll(); explorer.foldAll(); explorer.moveTo(5)")
    chrome.press("1", "2", "3", "4", "5")
    assert not chrome.faults and chrome.value("explorer.boxes.size") > 1


def test_two_thousand_nodes_stay_few_elements(chrome: Page, tmp_path: Path) -> None:
    """What is drawn, laid out and touched is bounded, however many operators there are."""
    spec = tmp_path / "deep.nn"
    spec.write_text(
        "layer part(x : [n]) -> [n] { x |> dense(n) |> tanh |> dense(n) |> sin }\n"
        "model f(x : [2]) -> scalar { x |> repeat(200, part) |> sum }\n"
    )
    chrome.size(1400, 900)
    chrome.open(explored_page(spec, tmp_path))
    count = "JSON.parse(document.getElementById('data').textContent).values.length"
    assert chrome.value(count) >= 2000
    drawn = "document.querySelectorAll('#world *').length"
    assert chrome.value(drawn) < 1500
    chrome.value("explorer.unfoldAll()")
    assert chrome.value(drawn) < 4000, "as many boxes as can be read, and no more"
    assert chrome.value("explorer.boxes.size") <= 300
    before = chrome.value("({...explorer.touched})")
    chrome.value("explorer.pointAt({item: [...explorer.boxes.keys()][5]})")
    chrome.value("explorer.pointAt(null)")
    after = chrome.value("({...explorer.touched})")
    assert after["layouts"] == before["layouts"], "pointing at a box lays nothing out"
    assert after["changed"] - before["changed"] < 60 and after["made"] - before["made"] < 400
    chrome.value("explorer.moveTo(1500)")
    stepped = chrome.value("({...explorer.touched})")
    chrome.value("explorer.moveTo(1501)")
    last = chrome.value("({...explorer.touched})")
    assert last["changed"] - stepped["changed"] < 30 and last["layouts"] == stepped["layouts"]
