"""The site of the documents: built without a warning, with every page in it, and with colours."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HIDDEN = {"decisions", "index"}  # for those who work on gradc


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly."""
    missing = [name for name in ("sphinx", "myst_parser", "furo") if find_spec(name) is None]
    if missing:
        pytest.skip(f"the extra docs is not installed: pip install {' '.join(missing)}")
    folder = tmp_path_factory.mktemp("site")
    options = ["-q", "-W", "--keep-going", "-n", "-c", "specs/site"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    found = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, "specs", str(folder)], cwd=ROOT,
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr[-3000:]
    return folder


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
