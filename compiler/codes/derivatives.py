"""E05xx: what cannot be differentiated."""

from __future__ import annotations

from compiler.codes.explanation import Explanation

CODES: dict[str, Explanation] = {}
