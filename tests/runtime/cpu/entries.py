"""Entries written by hand: small tables that use every part of the contract with the runtime."""

from __future__ import annotations

import numpy as np

from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.program.arrays import Array, Result
from gradc_compiler.program.deferred import ready
from gradc_compiler.program.entry import (
    ConstantWords,
    Entry,
    Instruction,
    Kernel,
    Operand,
    PartialReduction,
    Phase,
    Space,
)

RELU = """
def k1(pointers, geometry, begin, end, first):
    # y = relu(x + bias)
    x0 = reals(pointers, 0)
    x1 = reals(pointers, 1)
    y0 = reals(pointers, 2)
    for i0 in range(begin, end):
        for i1 in range(geometry[0]):
            v1 = x0[i0 * geometry[0] + i1] + x1[i1]
            y0[i0 * geometry[0] + i1] = max(v1, real(0.0))
"""
LOSS = """
def k2(pointers, geometry, begin, end, first):
    # loss += sum((y - t)^2); g = 2 (y - t) where y > 0
    x0 = reals(pointers, 0)
    x1 = reals(pointers, 1)
    y0 = reals(pointers, 2)
    y1 = reals(pointers, 3)
    v0 = real(0.0)
    for i0 in range(begin, end):
        for i1 in range(geometry[0]):
            v1 = x0[i0 * geometry[0] + i1]
            v2 = v1 - x1[i0 * geometry[0] + i1]
            v0 += v2 * v2
            y0[i0 * geometry[0] + i1] = select(v1 > real(0.0), real(2.0) * v2, real(0.0))
    y1[0] += v0
"""
BIAS = """
def k3(pointers, geometry, begin, end, first):
    # db += sum over examples of g
    x0 = reals(pointers, 0)
    y0 = reals(pointers, 1)
    for i0 in range(begin, end):
        for i1 in range(geometry[0]):
            y0[i1] += x0[i0 * geometry[0] + i1]
"""
UPDATE = """
def k4(pointers, geometry, begin, end, first):
    # p -= rate * g
    x0 = reals(pointers, 0)
    x1 = reals(pointers, 1)
    y0 = reals(pointers, 2)
    for i0 in range(begin, end):
        y0[i0] = y0[i0] - x1[0] * x0[i0]
"""
INPUTS, OUTPUTS = 7, 5  # sizes of the dense layer
WEIGHTS = INPUTS * OUTPUTS
PARAMETERS = WEIGHTS + OUTPUTS


def dense_training(block: int = 4, chunks: int = 3, rate: float = 0.1) -> Entry:
    """One step of gradient descent on mean((relu(x W + b) - t)^2 summed over outputs)."""
    x, t, y = Space.ARRAY, Space.ARRAY + 1, Space.ARRAY + 2
    forward = Instruction(
        kernel=0,
        operands=(
            Operand(x, 0, INPUTS),
            Operand(Space.PERSISTENT, 0),
            Operand(Space.BLOCK, 0),
        ),
        geometry=(0, 2, 1, -1, INPUTS, 0, OUTPUTS, OUTPUTS, 0, 1, 1, INPUTS, 1, OUTPUTS),
    )
    relu = Instruction(
        kernel=1,
        operands=(
            Operand(Space.BLOCK, 0),
            Operand(Space.PERSISTENT, WEIGHTS),
            Operand(y, 0, OUTPUTS),
        ),
        geometry=(OUTPUTS,),
    )
    loss = Instruction(
        kernel=2,
        operands=(
            Operand(y, 0, OUTPUTS),
            Operand(t, 0, OUTPUTS),
            Operand(Space.BLOCK, OUTPUTS),
            Operand(Space.PARTIAL, PARAMETERS),
        ),
        geometry=(OUTPUTS,),
    )
    weights = Instruction(
        kernel=0,
        operands=(
            Operand(x, 0, INPUTS),
            Operand(Space.BLOCK, OUTPUTS),
            Operand(Space.PARTIAL, 0),
        ),
        geometry=(1, 2, 1, INPUTS, 1, 0, OUTPUTS, OUTPUTS, 0, 1, 1, -1, INPUTS, OUTPUTS),
    )
    bias = Instruction(
        kernel=3,
        operands=(Operand(Space.BLOCK, OUTPUTS), Operand(Space.PARTIAL, WEIGHTS)),
        geometry=(OUTPUTS,),
    )
    update = Instruction(
        kernel=4,
        operands=(
            Operand(Space.UNIFORM, 0),
            Operand(Space.UNIFORM, PARAMETERS + 1),
            Operand(Space.PERSISTENT, 0),
        ),
        geometry=(),
        extent=PARAMETERS,
        split=True,
    )
    return Entry(
        name="train",
        deferred_graph=ready(None),
        kernels=(
            Kernel("contract_any"),
            Kernel("k1", RELU),
            Kernel("k2", LOSS),
            Kernel("k3", BIAS),
            Kernel("k4", UPDATE),
        ),
        arrays=(
            Array(name="x", role="input", type=TensorType((INPUTS,))),
            Array(name="t", role="input", type=TensorType((OUTPUTS,))),
            Array(name="y", role="output", type=TensorType((OUTPUTS,))),
        ),
        results=(
            Result(name="loss", type=TensorType(), offset=PARAMETERS),
            Result(name="dW.T", type=TensorType((OUTPUTS, INPUTS)), offset=0, strides=(1, OUTPUTS)),
        ),
        constants=(ConstantWords(offset=PARAMETERS + 1, value=np.array([rate])),),
        phases=(
            Phase(
                examples=True,
                instructions=(forward, relu, loss, weights, bias),
                sums=(PartialReduction(partial=0, uniform=0, words=PARAMETERS + 1),),
            ),
            Phase(examples=False, instructions=(update,)),
        ),
        block=block,
        chunks=chunks,
        uniform_words=PARAMETERS + 2,
        block_words=2 * OUTPUTS,
        partial_words=PARAMETERS + 1,
    )


INDEX = TensorType((), Kind.INDEX)
