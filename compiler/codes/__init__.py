"""What each code of an error or a warning means, for `gradc explain E0301`.

One literal table a hundred: E01xx `syntax`, E02xx `names`, E03xx `shapes` and `sequences`, E04xx
`sizes`, E05xx `derivatives`, E06xx `training`; W0xxx
`warnings`.  A code, once given out, keeps its meaning.
"""

from __future__ import annotations

from compiler.codes import derivatives, names, sequences, shapes, sizes, syntax, training, warnings
from compiler.codes.explanation import Explanation

CODES: dict[str, Explanation] = {
    **syntax.CODES,
    **names.CODES,
    **shapes.CODES,
    **sequences.CODES,
    **sizes.CODES,
    **derivatives.CODES,
    **training.CODES,
    **warnings.CODES,
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
