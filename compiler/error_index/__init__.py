"""What each code of an error or a warning means, for `gradc explain E0301`.

One literal table a hundred: E01xx `syntax_codes`, E02xx `name_codes`, E03xx `shape_codes` and
`sequence_codes`, E04xx `size_codes`, E05xx `derivative_codes`, E06xx `training_codes`; W0xxx
`warning_codes`.  A code, once given out, keeps its meaning.
"""

from __future__ import annotations

from gradc_compiler.error_index import (
    derivative_codes,
    name_codes,
    sequence_codes,
    shape_codes,
    size_codes,
    syntax_codes,
    training_codes,
    warning_codes,
)
from gradc_compiler.error_index.explanation import Explanation

CODES: dict[str, Explanation] = {
    **syntax_codes.CODES,
    **name_codes.CODES,
    **shape_codes.CODES,
    **sequence_codes.CODES,
    **size_codes.CODES,
    **derivative_codes.CODES,
    **training_codes.CODES,
    **warning_codes.CODES,
}


def explain(code: str) -> str | None:
    """The page on a code, or None where there is no such code."""
    entry = CODES.get(code.upper())
    if entry is None:
        return None
    wrong, right = (_indented(text) for text in (entry.wrong, entry.right))
    return (
        f"{code.upper()}: {entry.title}\n\n{entry.text}\n\nWrong:\n\n{wrong}\n\nRight:\n\n{right}\n"
    )


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.strip("\n").split("\n"))
