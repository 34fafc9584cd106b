"""The page on one error code."""

from __future__ import annotations

from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Explanation:
    """A title, a paragraph that says why it is an error, a wrong program and a right one."""

    title: str
    text: str
    wrong: str
    right: str
