"""A spec's entry as what C is printed of: one example after another, a sequence row by row."""

from __future__ import annotations

from gradc_compiler.emitted.plain_program import PlainProgram, PlainStage, plain_program
from gradc_compiler.emitted.scalar_writer import NotPrinted
from gradc_compiler.loops.ir import LoopNest, Store
from gradc_compiler.pipeline import Compilation


def c_program(made: Compilation, entry: str) -> PlainProgram:
    """An entry of a spec, ready to be printed.

    Raises `NotPrinted` for one that has no C yet.
    """
    program = plain_program(made, entry)
    for stage in program.stages:
        for one in stage.nests:
            _require_plain(stage, one.nest)
    return program


def _require_plain(stage: PlainStage, nest: LoopNest) -> None:
    """Raises `NotPrinted` for a nest of a kind that has no C yet."""
    stores = {store for _, _, store in nest.stores}
    if nest.body or nest.lanes > 1 or nest.walk:
        raise NotPrinted("a nest of this form has no C yet")
    if any(loop.over_rows for loop in nest.loops) != stage.stage.examples:
        raise NotPrinted("a sum over a whole batch has no C yet")
    over_examples = [loop.reduces for loop in nest.loops if loop.over_rows]
    if any(over_examples) and not stores <= {Store.SUM_ADD, Store.ADD, Store.LOST, Store.PAIR}:
        raise NotPrinted("a sum over a whole batch has no C yet")
