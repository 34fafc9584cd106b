"""Someone looks something up: whatever they call it, a page says it, two links away at most."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+\.md)(?:#[\w-]*)?\)")
ENTRY = re.compile(r"^(\w+)$", re.MULTILINE)
SOUGHT = {  # what newcomers type into a search field, and the page that they should find
    "validation split": "glossary",
    "early stopping": "glossary",
    "checkpoint callback": "glossary",
    "metric": "glossary",
    "scheduler": "glossary",
    "subgradient": "glossary",
    "one_hot": "language",
    "confusion matrix": "answers",
    "F1": "answers",
    "learning rate": "faq",
    "overfitting": "faq",
    "fine-tune": "recipes",
    "categories": "data",
    "missing": "data",
    "state_dict": "from_pytorch",
    "DataLoader": "from_pytorch",
    "Sequential": "from_pytorch",
    "Keras": "comparison",
    "jit": "comparison",
    "vmap": "comparison",
    "GPU": "faq",
    "uninstall": "start",
    "cite": "faq",
    "licence": "faq",
    "report a bug": "faq",
    "macOS": "faq",
    "Windows": "faq",
}


def pages() -> Iterator[Path]:
    """All that is there to read."""
    yield ROOT / "README.md"
    yield from (p for p in sorted((ROOT / "specs").glob("*.md")) if p.stem != "decisions")


def links(page: Path) -> set[Path]:
    """The pages that a page leads to."""
    text = page.read_text(encoding="utf-8")
    found = {(page.parent / target).resolve() for target in LINK.findall(text)}
    if "toctree" in text:
        inner = re.findall(r"::::\{toctree\}(.*?)::::", text, re.DOTALL)
        found |= {page.parent / f"{name}.md" for part in inner for name in ENTRY.findall(part)}
    return {page for page in found if page.exists()}


@pytest.mark.parametrize("start", ["README.md", "specs/index.md"])
def test_every_page_is_two_links_away(start: str) -> None:
    reached, edge = {ROOT / start}, {ROOT / start}
    for _ in range(2):
        edge = {target for page in edge for target in links(page)} - reached
        reached |= edge
    assert (
        sorted(
            p.name for p in set(pages()) - reached - {ROOT / "README.md", ROOT / "specs/index.md"}
        )
        == []
    )


@pytest.mark.parametrize("words", SOUGHT)
def test_what_newcomers_look_for_is_found(words: str) -> None:
    """By the words of other libraries too."""
    page = ROOT / "specs" / f"{SOUGHT[words]}.md"
    text = " ".join(page.read_text(encoding="utf-8").split()).lower()
    assert words.lower() in text, f"{page.name} does not say {words}"
