"""Laws of algebra at a node, each filed under its operators with what it proves.

`simplify.py` has the laws, and applies them; who wants to see a sweep is told which of them fired.
"""

from __future__ import annotations

from collections.abc import Callable

from gradc_compiler.graph.graph import Value
from gradc_compiler.records.fast_dataclass import dataclass

Rule = Callable[[Value, list[Value]], Value | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """A rule with what it proves; one that `reorders` a sum is exact but for that."""

    name: str
    equation: str
    rule: Rule
    reorders: bool


@dataclass(frozen=True, slots=True)
class Firing:
    """A law that fired: a node of the simplified graph, and the one that took its place."""

    law: Law
    node: int
    instead: int


RULES: dict[str, list[Law]] = {}


def rule(*operators: str, reorders: bool = False) -> Callable[[Rule], Rule]:
    """File a rule under the operators it may apply to; its docstring begins with the equation."""

    def file(function: Rule) -> Rule:
        equation = " ".join((function.__doc__ or "").split())
        law = Law(name=function.__name__, equation=equation, rule=function, reorders=reorders)
        for operator in operators:
            RULES.setdefault(operator, []).append(law)
        return function

    return file
