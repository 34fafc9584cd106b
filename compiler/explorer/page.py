"""The page as one file: data, style, scripts and the layout library, none of it fetched.

What comes from a spec is data in a block that no browser executes, with every `<` written as an
escape, so that no text of a spec can end it; scripts put it on the page as text, never as markup.
The page's own policy names its scripts by their digests: a browser runs these and no others, and
fetches nothing.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
LAYOUT = "vendor/viz-global.js"
SCRIPTS = (  # in the order in which they are read
    "state",
    "elements",
    "shape",
    "light",
    "layout",
    "draw",
    "viewport",
    "source",
    "play",
    "links",
    "adjoints",
    "details",
    "tabs",
    "passes",
    "kernels",
    "cost",
    "flow",
    "search",
    "keys",
    "main",
)
STYLES = ("colours", "page", "source", "player", "graph", "panels", "narrow")
ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def page(title: str, data: Mapping[str, Any]) -> str:
    """The whole page; `data` is what `view_of` gives, with what else is shown beside it."""
    style = "\n".join(_read(f"parts/{name}.css") for name in STYLES)
    script = _program()
    layout = _read(LAYOUT)
    parts = {
        "POLICY": _policy(style, layout, script),
        "TITLE": escape(title),
        "STYLE": style,
        "DATA": embedded(data),
        "LAYOUT": layout,
        "SCRIPT": script,
    }
    pieces = _read("parts/page.html").split("$")
    return "".join(parts.get(piece, piece) for piece in pieces)


def embedded(data: Mapping[str, Any]) -> str:
    """Data as JSON in which no character is one of HTML."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    return text.translate({ord(character): written for character, written in ESCAPES.items()})


def _program() -> str:
    """The page's own scripts as one, none of whose names is seen outside."""
    parts = "\n".join(_read(f"parts/{name}.js") for name in SCRIPTS)
    return f'(() => {{\n"use strict";\n{parts}\n}})();\n'


def _policy(style: str, *scripts: str) -> str:
    """The content security policy: these scripts and this style, and nothing from anywhere."""
    runs = " ".join(map(_digest, scripts))
    return (
        f"default-src 'none'; script-src {runs} 'wasm-unsafe-eval'; style-src {_digest(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
