"""The explorer's page as a file: nothing of a spec is markup, nothing is fetched, the library is
the one that was chosen.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from gradc_compiler.explorer.page import FOLDER, LAYOUT, SCRIPTS, STYLES, embedded, page

HOSTILE = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(2)> & \u2028 ' \" $DATA$"
LONGEST = 250


class Elements(HTMLParser):
    """The start tags of a page, and what stands in its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.into = {"script": self.scripts, "style": self.styles}.get(tag, [])
        self.into.append("")

    def handle_data(self, data: str) -> None:
        if self.tags:
            self.into[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self.into = [""]


def test_the_library_is_the_one_that_was_chosen() -> None:
    lines = (FOLDER / "vendor/CHECKSUMS").read_text().splitlines()
    listed = {name: digest for digest, name in map(str.split, lines)}
    found = {p.name for p in (FOLDER / "vendor").iterdir()} - {"CHECKSUMS", "LICENSE.txt"}
    assert found == {*listed}, "every file of somebody else's has its checksum"
    for name, digest in listed.items():
        assert sha256((FOLDER / "vendor" / name).read_bytes()).hexdigest() == digest, name
    licence = (FOLDER / "vendor/LICENSE.txt").read_text()
    version = re.search(r"Viz\.js ([\d.]+)", (FOLDER / LAYOUT).read_text()[:200])
    assert version is not None and f"@viz-js/viz {version[1]}" in licence


def test_every_part_is_used_and_short() -> None:
    parts = {p.name for p in (FOLDER / "parts").iterdir()}
    assert parts == {"page.html", *(f"{s}.js" for s in SCRIPTS), *(f"{s}.css" for s in STYLES)}
    for name in parts:
        assert len((FOLDER / "parts" / name).read_text().splitlines()) <= LONGEST, name


def test_scripts_make_no_markup_of_texts() -> None:
    for name in SCRIPTS:
        text = (FOLDER / f"parts/{name}.js").read_text()
        words = r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function|fetch\("
        assert not re.search(words, text), name


@pytest.mark.parametrize("where", ["title", "data"])
def test_no_text_of_a_spec_is_markup(where: str) -> None:
    plain = page("plain", {"name": "plain"})
    hostile = page(HOSTILE if where == "title" else "plain", {"name": HOSTILE})
    assert [tag for tag, _ in Elements(hostile).tags] == [tag for tag, _ in Elements(plain).tags]


def test_embedded_data_are_the_data() -> None:
    text = embedded({"a": HOSTILE})
    assert not set("<>&\u2028") & set(text) and json.loads(text) == {"a": HOSTILE}


def test_the_policy_lets_its_own_scripts_run_and_nothing_be_fetched() -> None:
    found = Elements(page("plain", {}))
    policy = next(a["content"] for tag, a in found.tags if a.get("http-equiv"))
    assert policy is not None and policy.startswith("default-src 'none'; script-src 'sha256-")
    data, *scripts = found.scripts
    assert data == "{}"
    for text in (*scripts, *found.styles):
        digest = b64encode(sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    outside = [a for _, a in found.tags if a.get("src") or a.get("href")]
    assert not outside and "unsafe-inline" not in policy
