"""A kernel of a step as a part of a recurrence in one kernel: elementwise, or a product."""

from __future__ import annotations

from dataclasses import replace

from gradc_compiler.loops.ir import Apply, LoopNest, MemAccess, NestLoop, Store
from gradc_compiler.machine.addition_chains import LONG
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.printing.recurrence_plan import OwnedNest, OwnedPart, OwnedProduct
from gradc_compiler.printing.tile_plan import Precision
from gradc_compiler.select.launch import LaunchDraft


def part_of(draft: LaunchDraft) -> OwnedPart | None:
    """A kernel as a part of a step."""
    nest = draft.nest
    plain = nest.affine and nest.walk is None and not nest.positional and not nest.body
    if not plain or draft.rows is not None or any(a.row for _, a, _ in nest.stores):
        return None
    if all(store is Store.SET for _, _, store in nest.stores):
        return _elementwise(nest)
    exact = draft.plan is None or draft.plan.precision is Precision.FLOAT32
    product = _product(nest) if exact else None
    return product and replace(product, fours=_in_fours(product, draft))


def _in_fours(product: OwnedProduct, draft: LaunchDraft) -> bool:
    """Whether four terms of a row can be read at once."""
    grain, row = MACHINE.gpu_grain, product.a_moves[0]
    places = (draft.operands[product.a.storage].offset, product.a.offset, row)
    return product.a_moves[1] == 1 and not any(place % grain for place in places)


def _elementwise(nest: LoopNest) -> OwnedNest | None:
    """A nest over rows and columns."""
    loops = nest.loops
    if len(loops) == 1 and loops[0].over_rows and loops[0].scale > 1:
        nest = _two_loops(nest, loops[0].scale)
    if len(nest.loops) != 2 or not nest.loops[0].over_rows or nest.loops[0].scale != 1:
        return None
    by_columns = all(access.moves[1] == 1 for _, access, _ in nest.stores)
    return OwnedNest(nest, nest.loops[1].extent) if by_columns else None


def _two_loops(nest: LoopNest, columns: int) -> LoopNest:
    """A nest over words of rows, as one over rows and columns."""

    def access(old: MemAccess) -> MemAccess:
        (move,) = old.moves
        return replace(old, moves=(move * columns, move))

    return replace(
        nest,
        loops=(replace(nest.loops[0], scale=1), NestLoop(extent=columns)),
        loads=tuple((v, access(a)) for v, a in nest.loads),
        stores=tuple((v, access(a), s) for v, a, s in nest.stores),
    )


def _product(nest: LoopNest) -> OwnedProduct | None:
    """A nest that is a product of rows with a matrix."""
    sums = (Store.ADD, Store.SUM, Store.SUM_ADD)
    if len(nest.loops) != 3 or len(nest.loads) != 2 or len(nest.stores) != 1:
        return None
    ((_, y, store),), (first, second) = nest.stores, (access for _, access in nest.loads)
    rows = [j for j, loop in enumerate(nest.loops) if loop.over_rows and loop.scale == 1]
    terms = [j for j, move in enumerate(y.moves) if not move]
    if store not in sums or len(rows) != 1 or len(terms) != 1 or not _multiplies(nest):
        return None
    row, term = rows[0], terms[0]
    column = 3 - row - term
    a, b = (first, second) if first.moves[row] else (second, first)
    if b.moves[row] or a.moves[column] or y.moves[column] != 1 or a.row or b.row or b.index:
        return None
    size = nest.loops[term].extent
    return None if size > LONG else OwnedProduct(
        a, b, y, nest.loops[column].extent, size, (a.moves[row], a.moves[term]),
        (b.moves[term], b.moves[column]), y.moves[row], store is not Store.SUM, fours=False,
    )  # fmt: skip


def _multiplies(nest: LoopNest) -> bool:
    """Whether each term is the product of the two numbers that are read."""
    read = {variable for variable, _ in nest.loads}
    match nest.statements:
        case (statement,) if isinstance(statement.value, Apply):
            return statement.value.op == "times" and {*statement.value.args} == read
    return False
