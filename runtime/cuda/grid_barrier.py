"""The meeting of all blocks of a kernel, as an intrinsic of LLVM: an instruction of PTX or two.

One thread of each block adds 1 to a counter in memory; that of the first block adds as much more
as makes its highest bit flip when all have come.  So the others wait until they see that bit other
than it was, and the counter is ready for the next meeting, and for the next kernel.  (The grid
barrier of cooperative groups does the same; it asks for a driver even to be compiled.)

To add is to *release* what the block has written, and to see is to *acquire* what the others have:
with a barrier of the block before and after, every thread sees what all threads wrote before they
met.  All blocks must run at once, or those that wait never end.  From compute capability 7.0 on.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from gradc_runtime.cuda.numba_intrinsics import intrinsic, types
from gradc_runtime.cuda.tile_copies import I64, VOID
from gradc_runtime.cuda.tile_products import address

MEET = """{
.reg .pred p, q;
.reg .b32 old, now, more, count;
mov.u32 more, %ctaid.x;
mov.u32 count, %nctaid.x;
setp.eq.u32 p, more, 0;
sub.u32 count, 0x80000001, count;
selp.b32 more, count, 1, p;
fence.acq_rel.gpu;
atom.add.acq_rel.gpu.global.u32 old, [$0], more;
LOOK:
ld.acquire.gpu.global.u32 now, [$0];
xor.b32 now, now, old;
setp.ge.s32 q, now, 0;
@q bra LOOK;
fence.acq_rel.gpu;
}"""


@intrinsic
def all_blocks(typing: Any, memory: Any, place: Any) -> Any:
    """Wait for all blocks, which count at a place of memory; of a block one thread calls it."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        at = builder.ptrtoint(address(context, builder, sig.args[0], *args), I64)
        asm = ir.InlineAsm(ir.FunctionType(VOID, [I64]), MEET, "l,~{memory}", side_effect=True)
        builder.call(asm, [at])
        return context.get_dummy_value()

    return types.void(memory, place), code
