"""Copies from a GPU's memory to what its threads share, as intrinsics of LLVM.

They go past the registers, and arrive while others multiply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llvmlite import ir

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cuda.numba_intrinsics import intrinsic, types
from gradc_runtime.cuda.tile_products import I32, address, numbers

I64, VOID = ir.IntType(64), ir.VoidType()
SHARED_MEMORY = 3  # its address space
ASYNC = {n: f"cp.async.ca.shared.global [$0 + MORE], [$1], {n}, $2;" for n in (4, 8)}
ASYNC[16] = ASYNC[4].replace(".ca.", ".cg.").replace("], 4, ", "], 16, ")  # not by the first cache
AT_ONCE = {
    n: f"{{ .reg .pred p; .reg .b{8 * n} v; setp.ne.b32 p, $2, 0; mov.b{8 * n} v, 0; "
    f"@p ld.global.b{8 * n} v, [$1]; st.shared.b{8 * n} [$0 + MORE], v; }}"
    for n in (4, 8)
}
AT_ONCE[16] = (
    "{ .reg .pred p; .reg .b64 u, v; setp.ne.b32 p, $2, 0; mov.b64 u, 0; mov.b64 v, 0; "
    "@p ld.global.v2.b64 {u, v}, [$1]; st.shared.v2.b64 [$0 + MORE], {u, v}; }"
)
MOST = 16  # bytes of an instruction


def same(builder: Any, value: Any) -> Any:
    """A whole number of 64 bits, of which LLVM does not know that it is the same."""
    moved = ir.InlineAsm(ir.FunctionType(I64, [I64]), "mov.b64 $0, $1;", "=l,l", side_effect=True)
    return builder.call(moved, [value])


@intrinsic
def again(typing: Any, value: Any) -> Any:
    """The same number, and what is found by it is found again."""
    return types.int64(types.int64), lambda context, builder, sig, args: same(builder, args[0])


@intrinsic
def start(typing: Any, words: Any, first: Any) -> Any:
    """The address of a word, of which LLVM knows no more: else it would add to the word's number
    what it had better add to the address.
    """

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        found = builder.ptrtoint(address(context, builder, sig.args[0], *args), I64)
        return same(builder, found)

    return types.int64(words, first), code


@dataclass(frozen=True, slots=True)
class CopyText:
    """A copy of neighbours, which go so many words further than their place says."""

    texts: Mapping[int, str]  # by the bytes of an instruction
    words: int
    further: int

    def code(self, context: Any, builder: Any, sig: Any, args: Any) -> Any:
        """Of `copy`."""
        word = context.get_value_type(sig.args[0].dtype)
        size = 4 if isinstance(word, ir.FloatType) else 8
        target = context.make_array(sig.args[0])(context, builder, args[0]).data
        target = builder.addrspacecast(target, ir.PointerType(word, SHARED_MEMORY))
        place = builder.mul(builder.trunc(args[1], I32), I32(size))
        target = builder.add(builder.ptrtoint(target, I32), place)
        source = builder.add(args[3], builder.mul(builder.sext(args[4], I64), I64(size)))
        together = min(MOST, self.words * size)
        read = builder.select(args[5], I32(together), I32(0))
        kind = ir.FunctionType(VOID, [I32, I64, I32])
        for part in range(0, self.words * size, together):
            text = self.texts[together].replace("MORE", str(self.further * size + part))
            asm = ir.InlineAsm(kind, text, "r,l,r", side_effect=True)
            builder.call(asm, [target, builder.add(source, I64(part)) if part else source, read])
        return context.get_dummy_value()


def copier(words: int, recent: bool) -> Any:
    """`copy`: send for a word near an address, or `copy4`: for four; 0 comes unless they are
    wanted, and nothing is read.

    They go to a place and so many words `more`, which are a part of the instruction.  It does not
    say that it changes memory, or what is looked up would be again after each; the barrier after
    `copies_arrive` does.  On GPUs before compute capability 8.0 it goes by way of a register.
    """

    @intrinsic
    def copy(
        typing: Any, buffer: Any, place: Any, more: Any, first: Any, near: Any, wanted: Any
    ) -> Any:
        further = numbers(more)
        if further is None:
            return None
        kinds = buffer, types.int64, more, first, types.int32, types.boolean
        text = CopyText(ASYNC if recent else AT_ONCE, words, *further)
        return types.void(*kinds), text.code

    return copy


@intrinsic
def inside(typing: Any, wanted: Any, low: Any, high: Any, step: Any, guards: Any) -> Any:
    """Whether a word is wanted, and lies inside all windows (`tile_reading.py`): `low` less the
    step and `high` with the step have all guards.
    """

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        low, high, step, guards = (builder.trunc(x, I32) for x in args[1:])
        both = builder.and_(builder.sub(low, step), builder.add(high, step))
        whole = builder.icmp_signed("==", builder.and_(both, guards), guards)
        return builder.and_(args[0], whole)

    kinds = types.boolean, *[types.int64] * 4
    return types.boolean(*kinds), code


@intrinsic
def below(typing: Any, a: Any, b: Any) -> Any:
    """a < b, of their lower 32 bits: Numba compares whole numbers of 64."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.icmp_signed("<", *(builder.trunc(x, I32) for x in args))

    return types.boolean(types.int64, types.int64), code


def plain(lines: str) -> Callable[[], Any]:
    """An instruction without operands."""

    def typed(typing: Any) -> Any:
        def code(context: Any, builder: Any, sig: Any, args: Sequence[Any]) -> Any:
            kind = ir.FunctionType(VOID, [])
            builder.call(ir.InlineAsm(kind, lines, "~{memory}", side_effect=True), [])
            return context.get_dummy_value()

        return types.void(), code

    made: Callable[[], Any] = intrinsic(typed)
    return made
