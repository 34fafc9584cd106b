"""The CUDA kernel of an instruction; it is printed when a session on a GPU, or a reader, first asks
for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gradc_compiler.loops.ir import LoopNest
from gradc_compiler.loops.loop_passes import DEVICE, run_loop_passes
from gradc_compiler.memory.layout import StorageKey
from gradc_compiler.printing.cuda_printer import print_cuda_nest
from gradc_compiler.program.entry import Launch, Operand
from gradc_compiler.rewrites.algebra.switches import Switches


def print_launch(
    nest: LoopNest, operands: Mapping[StorageKey, Operand], time: int | None
) -> Launch:
    """A nest over the rows of a time (its number) or over examples, as one CUDA kernel."""
    printed = print_cuda_nest(run_loop_passes(nest, DEVICE, Switches()))
    return Launch(
        source=printed.source,
        geometry=printed.geometry,
        pieces=printed.pieces,
        each=printed.each,
        time=time,
        operands=tuple(replace(operands[a.storage], inner=a.offset) for a in printed.pointers),
    )
