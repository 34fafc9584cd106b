"""Schedules in the cache: the shelf on which the compiler finds what an earlier run scheduled.

An entry there is data, a text of records (`compiler/program/entry_text.py`), under the rules of the
cache: this user's own, whole, and sealed.  Its key is a hash of what the schedule follows from and
of the compiler itself, so that a changed compiler never finds what an earlier one made.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import zlib
from functools import cache
from pathlib import Path

import numpy as np

from gradc_compiler.program import shelf
from gradc_runtime.cpu.objects import object_cache as store
from gradc_runtime.cpu.objects.cpu_id import processor
from gradc_runtime.cpu.objects.trust import why_distrusted

SUFFIXES = (".py", ".nn", ".lark")


@cache
def compiler_fingerprint() -> bytes:
    """The digest of the compiler's text, its prelude's too, and of what folds constants for it."""
    folders = os.walk(Path(shelf.__file__).parents[1])
    paths = (os.path.join(folder, name) for folder, _, names in folders for name in names)
    texts = (Path(path).read_bytes() for path in sorted(paths) if path.endswith(SUFFIXES))
    facts = [sys.version, np.__version__, processor(), str(store.FORMAT)]
    return hashlib.sha256(b"\0".join([*texts, *map(str.encode, facts)])).digest()


def key_of(fact: str) -> str:
    """The name of a schedule in the cache."""
    return hashlib.sha256(compiler_fingerprint() + fact.encode()).hexdigest()


def find(fact: str) -> str | None:
    """The text that was kept for a fact; None where there is none, or none to be trusted."""
    key = key_of(fact)
    content = store.load(key, store.SCHEDULE)
    if content is None:
        with contextlib.suppress(OSError):  # no such file
            if why_distrusted((store.directory() / (key + store.SCHEDULE)).lstat()) is None:
                refuse(fact)
        return None
    try:
        return zlib.decompressobj().decompress(content, store.LARGEST).decode()
    except (zlib.error, UnicodeDecodeError):
        refuse(fact)
        return None


def keep(fact: str, text: str, about: str) -> None:
    """Keep a text for a fact."""
    store.save(key_of(fact), zlib.compress(text.encode(), 1), about, store.SCHEDULE)


def refuse(fact: str) -> None:
    """Warn that the text kept for a fact is no schedule."""
    store.warn_once(f"a schedule in the cache {store.directory()} is damaged; it is made anew")
