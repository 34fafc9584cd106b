"""Pictures of the explorer: `python specs/gallery/explored.py` (needs Chromium and Pillow).

Each is a page of `gradc explore` in a window of 1400 by 900, or 400 by 800, after something was
done on it; what is saved has a palette.
"""

from __future__ import annotations

import sys
import tempfile
from os import chdir
from pathlib import Path

from PIL import Image

from gradc_runtime.cli.run_command import run

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.support.browser import Page, browser  # noqa: E402  (a folder beside the installed ones)

SPECS = {
    "house": ("sqft=2500", "paid=360000"), "mnist_cnn": (), "row_digits": (), "transformer": (),
    "gan": ("--step", "generator"),
}  # fmt: skip
WIDE, NARROW = (1400, 900), (400, 800)
PICTURES = {  # name: spec, window, whether dark, and what is done
    "explorer_house": ("house", WIDE, False, "explorer.moveTo(11)"),
    "explorer_mnist_cnn": ("mnist_cnn", WIDE, True, "explorer.choose({line: 5})"),
    "explorer_row_digits": ("row_digits", WIDE, False, "click('tab-flow'); explorer.moveTo(48)"),
    "explorer_transformer": (
        "transformer", WIDE, True,
        "explorer.unfold(find('block1')); explorer.goTo('v' + named('seen'))",
    ),
    "explorer_gan": ("gan", WIDE, False, "click('tab-passes'); explorer.pointAt({line: 4})"),
    "explorer_house_narrow": ("house", NARROW, True, "explorer.moveTo(13)"),
}  # fmt: skip
TOOLS = """
globalThis.click = (id) => document.getElementById(id).click();
globalThis.told = JSON.parse(document.getElementById('data').textContent);
globalThis.find = (title) => told.blocks.findIndex((b) => b.title === title);
globalThis.named = (name) => told.values.findIndex((v) => v.name === name);
"""


def taken(page: Page, name: str, folder: Path) -> None:
    """One picture."""
    spec, (width, height), dark, done = PICTURES[name]
    page.size(width, height, dark=dark)
    page.open(folder / f"{spec}.html")
    page.value(f"{{{TOOLS}{done}}}")
    page.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    path = HERE / f"{name}.png"
    page.picture(path)
    Image.open(path).convert("RGB").quantize(255, dither=Image.Dither.NONE).save(
        path, optimize=True
    )
    print(f"{path.name}: {path.stat().st_size:,} bytes")


def main() -> None:
    """All of them."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        chdir(HERE.parents[1])
        for spec, arguments in SPECS.items():
            output = str(folder / f"{spec}.html")
            assert run(["explore", f"specs/{spec}.nn", "-o", output, *arguments]) == 0
        with browser(folder / "profile") as page:
            for picture in PICTURES:
                taken(page, picture, folder)


if __name__ == "__main__":
    main()
