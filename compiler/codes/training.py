"""E06xx: training and data declarations."""

from __future__ import annotations

from compiler.codes.explanation import Explanation

CODES: dict[str, Explanation] = {}
