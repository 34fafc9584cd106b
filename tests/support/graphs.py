"""What the tests of graphs share: values for a graph, its outputs on the CPU, its derivatives.

A graph is run three ways: by reference (`evaluate`), natively (`run_compiled`), and, for
derivatives, by central differences (`slope`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.graph.graph import Builder, Graph, Value
from gradc_compiler.graph.outputs import Role, Tagged, of_role
from gradc_compiler.graph.types import Kind
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.ops.leaf import Input, Literal, PersistentOp
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.ops.shape import sum_axes
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.rewrites.driver import run_once
from gradc_compiler.rewrites.table import optimise
from gradc_compiler.rewrites.target_rewrites import TARGET
from gradc_compiler.schedule import schedule
from gradc_compiler.transform.differentiate import differentiate
from gradc_runtime.cpu import executable as cpu_executable
from gradc_runtime.cpu.executable import CallPlan, Executable
from gradc_runtime.cpu.threads.adaptive import TRIALS
from gradc_runtime.data.arrays.validate import index_dtype
from tests.support.guards import Guards

Array = NDArray[Any]
Values = dict[str, Array]
ALIGN = 16


def sample_values(graph: Graph, batch: int, seed: int = 0) -> Values:
    """Standard normal reals, indices within their classes, small counters."""
    rng = np.random.default_rng(seed)
    values: Values = {}
    for node in graph.nodes:
        match node.op:
            case Input(key=key, shape=shape, classes=None):
                values.setdefault(key, rng.normal(size=(batch, *shape)))
            case Input(key=key, shape=shape, classes=classes):
                values.setdefault(key, rng.integers(0, classes, size=(batch, *shape)))
            case PersistentOp(key=key, shape=shape, index=True):
                values.setdefault(key, rng.integers(0, 1000, size=shape))
            case PersistentOp(key=key, shape=shape):
                values.setdefault(key, rng.normal(size=shape))
    return values


def evaluate_outputs(graph: Graph, values: Values, batch: int) -> Values:
    """The reference: every output in float64."""
    return evaluate(graph, values, batch)


def run_compiled(
    graph: Graph,
    values: Values,
    batch: int,
    *,
    dtype: str = "float64",
    threads: int = 1,
    without: Collection[str] = (),
) -> Values:
    """Every output, computed natively after the passes; updates are read from where they go."""
    tensors = {n.op.key: n.op for n in graph.nodes if isinstance(n.op, PersistentOp)}
    offsets, words = place(tensors)
    guards = Guards()
    memory = guards.around(np.zeros(words, dtype))
    for key, op in tensors.items():
        view(memory, offsets[key], op)[...] = values[key]
    target = "cpu" if issubclass(Executable, cpu_executable.Executable) else "cuda"
    entry = schedule("test", optimise(graph, without), offsets, without, target)
    executable = Executable(entry, memory, np.dtype(dtype), threads=threads)
    guards.surround(executable)
    if threads > 1 and isinstance(executable, cpu_executable.Executable):  # a GPU has no plan
        share_always(executable.plan(batch))
    kinds = {Kind.REAL: np.dtype(dtype), Kind.INDEX: index_dtype(dtype)}
    inputs = {  # not checked: labels outside their classes are tried too
        name: np.ascontiguousarray(values[name], kinds[type.kind])
        for name, type in entry.inputs.items()
    }
    results, outputs = executable.run(inputs, batch=batch)
    guards.check()
    found = {name: array[0] for name, array in results.items()} | outputs
    for key in of_role(Role.UPDATE, graph.outputs):
        found[Tagged(Role.UPDATE, key)] = view(memory, offsets[key], tensors[key]).copy()
    return for_every_example(found, graph, batch)


def rewritten(graph: Graph, *names: str) -> tuple[Graph, Mapping[int, int]]:
    """A graph after some of the rewrites for a machine, and the products that it needs."""
    changed, notes = run_once({name: TARGET[name] for name in names}, graph, Switches())
    return changed, notes.needed


def for_every_example(found: Values, graph: Graph, batch: int) -> Values:
    """Outputs that vary in `graph`, with an axis over examples even if a pass found them equal."""
    varying = graph.varying
    shapes = {
        name: (batch, *graph[id].type.shape) if id in varying else graph[id].type.shape
        for name, id in graph.outputs.items()
    }
    return {name: np.broadcast_to(array, shapes[name]) for name, array in found.items()}


def share_always(plan: CallPlan) -> None:
    """Let even a little work be shared out over threads, as if that had been seen to be faster."""
    for sharing in (plan.one, plan.many):
        for _ in range(TRIALS):
            sharing.remember(False, 2.0)
            sharing.remember(True, 1.0)


def place(tensors: Mapping[str, PersistentOp]) -> tuple[dict[str, int], int]:
    """The offset of each persistent, and how many words they need."""
    offsets, words = {}, 0
    for key, op in tensors.items():
        offsets[key] = words
        words += -(-max(1, prod(op.shape)) // ALIGN) * ALIGN
    return offsets, words


def view(memory: Array, offset: int, op: PersistentOp) -> Array:
    """The words of a persistent as a tensor."""
    words = memory[offset : offset + prod(op.shape)]
    return (words.view(f"i{words.itemsize}") if op.index else words).reshape(op.shape)


def assert_close(found: Values, wanted: Values, tolerance: float) -> None:
    """Every wanted output was found, and differs by at most `tolerance`, relative above 1."""
    assert wanted.keys() <= found.keys(), f"missing: {wanted.keys() - found.keys()}"
    for name, array in wanted.items():
        assert found[name].shape == array.shape, f"{name} is {found[name].shape}, not {array.shape}"
        np.testing.assert_allclose(
            found[name], array, rtol=tolerance, atol=tolerance, err_msg=f"output {name}"
        )


@dataclass(frozen=True)
class Operand:
    """An operand of a function under test, and its sampled numbers."""

    shape: tuple[int, ...] = ()
    uniform: bool = False  # the same for every example
    low: float = -2.0
    high: float = 2.0
    away: tuple[float, ...] = ()  # kinks to keep clear of
    classes: int | None = None

    def leaf(self, key: str) -> Input | PersistentOp:
        """The node that reads it."""
        if self.uniform:
            return PersistentOp(key, self.shape, index=self.classes is not None)
        return Input(key, self.shape, self.classes)

    def sample(self, rng: np.random.Generator, batch: int) -> Array:
        """Numbers within the interval, at least 0.05 from every kink."""
        shape = self.shape if self.uniform else (batch, *self.shape)
        if self.classes is not None:
            return rng.integers(0, self.classes, size=shape)
        numbers = rng.uniform(self.low, self.high, size=shape)
        for kink in self.away:
            near = np.abs(numbers - kink) < 0.05
            numbers = np.where(near, kink + np.where(numbers < kink, -0.1, 0.1), numbers)
        return numbers


Function = Callable[..., Value]


def leaves(builder: Builder, operands: Sequence[Operand]) -> list[Value]:
    """A leaf `x0`, `x1`, ... for each operand."""
    return [builder.add(x.leaf(f"x{k}")) for k, x in enumerate(operands)]


def values_of(operands: Sequence[Operand], batch: int, seed: int = 0) -> Values:
    """Numbers for the leaves."""
    rng = np.random.default_rng(seed)
    return {f"x{k}": x.sample(rng, batch) for k, x in enumerate(operands)}


def weighted_sum(y: Value, rng: np.random.Generator) -> Value:
    """A scalar that depends on every element of y differently."""
    weights = Literal(tuple(map(float, rng.uniform(0.5, 1.5, size=prod(y.shape)))), y.shape)
    product = y * y.builder.add(weights)
    return sum_axes(product, range(len(y.shape)))


def derivative_graph(
    function: Function, operands: Sequence[Operand], *, order: int = 1, mean: bool = True
) -> Graph:
    """Output `y`, and for the last order `loss` (averaged if `mean`) and `d0`, `d1`, ...

    The loss of order k + 1 is a weighted sum of the derivatives of order k.
    """
    builder, rng = Builder(), np.random.default_rng(1)
    xs = leaves(builder, operands)
    real = [x for x, operand in zip(xs, operands, strict=True) if operand.classes is None]
    y = function(*xs)
    loss = weighted_sum(y, rng)
    slopes = differentiate(builder, loss, real, mean=mean)
    for _ in range(order - 1):
        sums = [weighted_sum(g, rng) for g in slopes]
        loss = sum(sums[1:], start=sums[0])
        slopes = differentiate(builder, loss, real, mean=mean)
    total = builder.add(BatchMean(), loss) if mean else loss
    names = [x.node.op.key for x in real]  # type: ignore[attr-defined]
    outputs = {f"d{name}": g.id for name, g in zip(names, slopes, strict=True)}
    return builder.graph({"y": y.id, "loss": total.id} | outputs)


def slope(graph: Graph, values: Values, batch: int, key: str, step: float = 1e-5) -> Array:
    """Central differences of the summed loss by every element of a value.

    With a mean, the loss counts `batch` times for a varying value: see the Note
    [Examples and the mean] in `compiler/transform/differentiate.py`.
    """
    array = values[key].astype(float)
    result = np.zeros_like(array)
    for at in np.ndindex(array.shape):
        sides = []
        for shift in (step, -step):
            moved = array.copy()
            moved[at] += shift
            loss = evaluate(graph, values | {key: moved}, batch)["loss"]
            sides.append(float(np.sum(loss)))
        result[at] = (sides[0] - sides[1]) / (2 * step)
    uniform = not any(isinstance(n.op, Input) and n.op.key == key for n in graph.nodes)
    averaged = graph.nodes[graph.outputs["loss"]].op.makes_uniform
    return result if uniform or not averaged else result * batch


def total_slope(found: Array, operand: Operand, loss: Array, batch: int) -> Array:
    """A derivative as `slope` measures it: by every element of the operand, summed over losses."""
    if not operand.uniform:
        return np.broadcast_to(found, (batch, *operand.shape))
    if loss.ndim == 0:
        return found
    return np.broadcast_to(found, (batch, *operand.shape)).sum(axis=0)
