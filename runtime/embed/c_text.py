"""C text: the files that every library has, and strings."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files


def source_text(name: str) -> str:
    """A C source that every library or program has."""
    return (files("gradc_runtime.embed") / "sources" / name).read_text(encoding="utf-8")


def filled(text: str, facts: Mapping[str, str]) -> str:
    """A text in which the names of facts are replaced by the facts."""
    for word, fact in facts.items():
        text = text.replace(f"${word}$", fact)
    return text


def quoted(text: str) -> str:
    """A C string: printable ASCII as it is, all else as bytes of UTF-8 in octal."""
    plain = "".join(
        chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in text.encode()
    )
    return f'"{plain}"'
