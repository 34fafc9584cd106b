"""The site of the documents: built without a warning, with every page in it, and with colours."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.browser import Page, browser, chromium

ROOT = Path(__file__).resolve().parents[1]
HIDDEN = {"decisions", "index"}  # for those who work on gradc


NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# A notebook\n"},
        {
            "cell_type": "code", "id": "b", "metadata": {}, "outputs": [], "execution_count": None,
            "source": "import gradc\nprogram = gradc.compile_source(\n"
            "    'model f(x : [3]) -> [2] { x |> dense(2) }')\nprogram",
        },
    ],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}  # fmt: skip
LOADED = "document.readyState === 'complete' && location.pathname.endsWith('/%s')"
OVERFLOWING = """(() => {
const wide = [...document.querySelectorAll("article *, h1, footer *")].filter((element) => {
  for (let e = element; e !== document.body; e = e.parentElement)
    if (getComputedStyle(e).overflowX !== "visible") return false;
  return element.getBoundingClientRect().right > innerWidth + 1;
});
return wide.map((element) => element.outerHTML.slice(0, 120));
})()"""


def require_extra() -> None:
    """Skips where what builds the site is not installed."""
    wanted = {"sphinx": "sphinx", "myst_nb": "myst-nb", "furo": "furo", "ipykernel": "ipykernel"}
    missing = [package for name, package in wanted.items() if find_spec(name) is None]
    if missing:
        pytest.skip(f"the extra docs is not installed: pip install {' '.join(missing)}")


def built(pages: Path, folder: Path) -> Path:
    """A folder of pages as a site, strictly."""
    options = ["-q", "-W", "--keep-going", "-n", "-c", "specs/site"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    found = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, str(pages), str(folder)], cwd=ROOT,
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly."""
    require_extra()
    return built(ROOT / "specs", tmp_path_factory.mktemp("site"))


def test_every_page_is_in_the_table_of_contents(site: Path) -> None:
    pages = {path.stem for path in (ROOT / "specs").glob("*.md")} - HIDDEN
    assert {path.stem for path in site.glob("*.html")} >= pages
    index = (site / "index.html").read_text(encoding="utf-8")
    assert not [name for name in pages if f'href="{name}.html"' not in index]
    assert not (site / "decisions.html").exists()


def test_links_lead_to_pages_that_are_there(site: Path) -> None:
    for path in site.rglob("*.html"):
        for target in re.findall(r'href="([^"#:]+)[#"]', path.read_text(encoding="utf-8")):
            place = (path.parent / target.partition("?")[0]).resolve()
            assert place.exists(), f"{path.name} links to {target}"


def test_specs_have_the_colours_of_the_language(site: Path) -> None:
    page = (site / "language.html").read_text(encoding="utf-8")
    blocks = page.count('class="highlight-nn notranslate"')
    assert blocks > 10 and '<span class="kd">model</span>' in page
    assert '<span class="nb">dense</span>' in page and 'class="err"' not in page


def test_a_terminal_and_links_are_written_for_readers(site: Path) -> None:
    """Commands stand out, numbers in them are nothing; a link has the title of its page."""
    page = (site / "answers.html").read_text(encoding="utf-8")
    assert '<span class="gp">$ </span><span class="gs">gradc eval specs/house.nn</span>' in page
    assert "data.md" not in page.replace("_sources/data.md", "")
    assert ">Where examples come from</span>" in page.partition("<article")[2]


def test_a_notebook_is_a_page_with_what_its_cells_gave(tmp_path: Path) -> None:
    """It is kept without outputs, and run while the site is built."""
    require_extra()
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "index.md").write_text("# All\n\n::::{toctree}\nnotebook\n::::\n")
    (pages / "notebook.ipynb").write_text(json.dumps(NOTEBOOK))
    page = (built(pages, tmp_path / "site") / "notebook.html").read_text(encoding="utf-8")
    assert "<h1>A notebook" in page and "compile_source" in page
    assert "<table" in page.partition("cell_output")[2], "a program shows itself as a table"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A browser."""
    if chromium() is None:
        pytest.skip("no browser is here (apt-get install chromium)")
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


def test_no_page_is_wider_than_a_telephone(site: Path, page: Page) -> None:
    """What is wide, such as a table, moves within the page; every picture is there."""
    found = {}
    for path in sorted(site.glob("*.html")):
        page.size(400, 800)
        page.open(path, LOADED % path.name)
        if page.value("document.documentElement.scrollWidth") > 400:
            found[path.name] = page.value(OVERFLOWING)
        assert page.value("[...document.images].every((i) => i.complete && i.naturalWidth)")
    assert not found
