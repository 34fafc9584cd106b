"""Compensated sums: what rounding has lost of a total goes into its next term.

    u = plus(term, rest);   rest = lost(total, u);   total = plus(total, u)

The total and the rest together are right to about two eps however many terms there are (Kahan,
Comm. ACM 8(1), 1965; the loss is Knuth's, The Art of Computer Programming 2, 4.2.2).  Nothing here
may be reassociated: the rest would always be 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradc_runtime.cpu.codegen.language.subroutines import subroutine


def compensated(number: Any) -> dict[str, Callable[..., Any]]:
    """`plus(a, b)`, and `lost(a, b)`: exactly what rounding took from that sum; 0 if the sum is not
    finite.
    """

    @subroutine(number(number, number), ())
    def plus(a: Any, b: Any) -> Any:
        return a + b

    @subroutine(number(number, number), ())
    def lost(a: Any, b: Any) -> Any:
        total = a + b
        other = total - a
        rest = (a - (total - other)) + (b - other)
        return rest if total - total == number(0.0) else number(0.0)

    return {"plus": plus, "lost": lost}
