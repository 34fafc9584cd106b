"""Random draws as functions of a file: the same numbers as everywhere else (`ops/random.py`).

`draw_normal(seed, step, node, example, time, element)` broadcasts its operands; each number is a
pure function of them.  So a file draws what a session of the same seed draws at the same step.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from gradc_compiler.graph.graph import Node
from gradc_compiler.onnx.export.number_nodes import FunctionWriter, NumberNode, function_writer
from gradc_compiler.onnx.export.onnx_tensors import ExportContext, Tensor
from gradc_compiler.onnx.records import DOMAIN, ElementType, OnnxFunction
from gradc_compiler.ops.random import MASK, MULTIPLIERS, WEYL, Random

ROUNDS = 10
OPERANDS = ("seed", "step", "node", "example", "time", "element")


@cache
def philox_round() -> OnnxFunction:
    """One round on four words of 32 bits, with a key of two."""
    inputs = ("c0", "c1", "c2", "c3", "k0", "k1")
    w = function_writer("philox_round", *inputs)
    w.kind = np.uint64
    outputs = []
    for word, multiplier, other, key in (("c2", 1, "c1", "k0"), ("c0", 0, "c3", "k1")):
        product = w.add("Mul", word, w.constant(MULTIPLIERS[multiplier]))
        high = w.add("BitShift", product, w.constant(32), direction="RIGHT")
        outputs.append(w.add("BitwiseXor", w.add("BitwiseXor", other, high), key))
        outputs.append(w.add("BitwiseAnd", product, w.constant(MASK)))
    return OnnxFunction(
        name="philox_round", inputs=inputs, outputs=tuple(outputs), nodes=tuple(w.nodes),
        note="Salmon, Moraes, Dror & Shaw, Parallel random numbers: as easy as 1, 2, 3, 2011",
    )  # fmt: skip


@cache
def philox() -> OnnxFunction:
    """Philox4x32-10: the first two of four words, of which 24 bits are left."""
    w = function_writer("philox", *OPERANDS)
    w.kind = np.uint64
    words = {name: w.add("Cast", name, to=int(ElementType.UINT64)) for name in OPERANDS}
    low = {name: w.add("BitwiseAnd", word, w.constant(MASK)) for name, word in words.items()}
    counter = tuple(low[name] for name in ("element", "example", "step", "time"))
    for i in range(ROUNDS):
        keys = []
        for name, step in zip(("seed", "node"), WEYL, strict=True):
            moved = w.add("Add", low[name], w.constant((i * step) & int(MASK)))
            keys.append(w.add("BitwiseAnd", moved, w.constant(MASK)))
        counter = w.add_many("philox_round", (*counter, *keys), ("",) * 4, DOMAIN)
    u0, u1 = (w.add("BitShift", c, w.constant(8), direction="RIGHT") for c in counter[:2])
    return OnnxFunction(name="philox", inputs=OPERANDS, outputs=(u0, u1), nodes=tuple(w.nodes))


def _words(w: FunctionWriter) -> tuple[NumberNode, NumberNode]:
    """Two numbers from 0 to below 1."""
    found = w.add_many("philox", OPERANDS, ("", ""), DOMAIN)
    u0, u1 = (NumberNode(w, w.cast(name, ElementType.DOUBLE)) * 2.0**-24 for name in found)
    return u0, u1


@cache
def draw_uniform() -> OnnxFunction:
    """A draw from [0, 1)."""
    w = function_writer("draw_uniform", *OPERANDS)
    return w.function("draw_uniform", OPERANDS, _words(w)[0])


@cache
def draw_normal() -> OnnxFunction:
    """A standard normal draw: Box & Muller, 1958."""
    w = function_writer("draw_normal", *OPERANDS)
    u0, u1 = _words(w)
    radius = ((u0 + 2.0**-25).then("Log") * -2.0).then("Sqrt")
    return w.function("draw_normal", OPERANDS, radius * (u1 * (2.0 * np.pi)).then("Cos"))


DRAWS = {
    "philox_round": philox_round,
    "philox": philox,
    "draw_uniform": draw_uniform,
    "draw_normal": draw_normal,
}


def drawn(c: ExportContext, node: Node, xs: list[Tensor]) -> Tensor:
    """Draws for every example, or for every element of a sequence."""
    op, w = node.op, c.writer
    assert isinstance(op, Random)
    lead = 2 if op.time is not None else 0 if op.shared else 1
    example, time = w.whole(0), w.whole(0)
    if lead:
        count = w.once("Squeeze", c.times.batch(), w.whole([0]))
        row = w.once("Range", w.whole(0), count, w.whole(1))
        example = w.unsqueezed(row, range(1, lead + 1))
    if op.time is not None:
        time = w.unsqueezed(c.times.places(op.time), [0, 2])
    element = w.whole(range(node.type.size))
    operands = (*(x.name for x in xs), w.whole(op.node), example, time, element)
    name = w.add("draw_normal" if op.normal else "draw_uniform", *operands, domain=DOMAIN)
    return Tensor(w.reshaped(name, lead, node.type.shape), lead, node.type)
