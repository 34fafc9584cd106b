"""Variables numbered in the order in which they get their values, so that equal work is one nest.

Kernels whose text is the same are compiled once, so what a variable was called must not matter.
"""

from __future__ import annotations

from dataclasses import replace

from gradc_compiler.loops.ir import LoopNest, MemAccess, Statement, Variable
from gradc_compiler.loops.scalar_form import replace_leaves


def renumber(nest: LoopNest, hoisted: bool) -> LoopNest:
    """The same nest with renumbered variables; if it is `hoisted`, loads come before the loops that
    do not move them.
    """
    loads = sorted(nest.loads, key=lambda load: load[1].depth()) if hoisted else nest.loads
    given = [v for v, _ in loads] + [statement.target for statement in nest.statements]
    names = {v: Variable(v.kind, k) for k, v in enumerate(dict.fromkeys(given))}

    def access(old: MemAccess) -> MemAccess:
        return old if old.row is None else replace(old, row=names[old.row])

    def statement(old: Statement) -> Statement:
        value = replace_leaves(old.value, lambda x: names[x] if isinstance(x, Variable) else x)
        return Statement(names[old.target], value)

    return replace(
        nest,
        loads=tuple((names[v], access(a)) for v, a in nest.loads),
        statements=tuple(map(statement, nest.statements)),
        stores=tuple((names[v], access(a), s) for v, a, s in nest.stores),
    )
