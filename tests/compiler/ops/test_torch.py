"""Every operator against PyTorch: values and gradients, wherever it has the same function."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.graph.op import Op
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.ops.index import Scatter, Take
from gradc_compiler.ops.reduce import BatchMean, Max
from gradc_compiler.ops.shape import Concat, Reshape
from tests.compiler.ops.test_elementwise import SHAPES, TABLE, apply, arity, operands_of
from tests.support.contractions import convolution, grouped, heads, product_of, transposed
from tests.support.graphs import Array, Operand, derivative_graph, values_of

pytestmark = pytest.mark.wide
torch = pytest.importorskip("torch")
functional = torch.nn.functional

ELEMENTWISE = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "neg": torch.neg,
    "pow": torch.pow,
    "exp": torch.exp,
    "expm1": torch.expm1,
    "log": torch.log,
    "log1p": torch.log1p,
    "sqrt": torch.sqrt,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "erf": torch.erf,
    "sin": torch.sin,
    "cos": torch.cos,
    "abs": torch.abs,
    "sign": torch.sign,
    "floor": torch.floor,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "gt": lambda a, b: torch.gt(a, b).double() + 0 * a,
    "ge": lambda a, b: torch.ge(a, b).double() + 0 * a,
    "lt": lambda a, b: torch.lt(a, b).double() + 0 * a,
    "le": lambda a, b: torch.le(a, b).double() + 0 * a,
    "eq": lambda a, b: torch.eq(a, b).double() + 0 * a,
    "ne": lambda a, b: torch.ne(a, b).double() + 0 * a,
    "where": lambda c, a, b: torch.where(c != 0, a, b),
    "copy": torch.clone,
    "bfloat16": lambda x: x + (x.float().bfloat16().double() - x).detach(),
    "tfloat32": lambda x: x + (without_13_bits(x.float()).double() - x).detach(),
    "stop_gradient": lambda x: x.detach() + 0 * x,
}


def without_13_bits(x):
    """The nearest TF32, ties to even."""
    bits = x.detach().view(torch.int32)
    return ((bits + 0xFFF + (bits >> 13 & 1)) & ~0x1FFF).view(torch.float32)


def compare(function, operands: list[Operand], theirs, batch: int = 4) -> None:
    """Values and gradients of a weighted sum, example by example and by shared operands."""
    values = values_of(operands, batch)
    graph = derivative_graph(function, operands, mean=False)
    found = evaluate(graph, values, batch)
    weights = next(n.op.reference()[0] for n in graph.nodes if n.op.name == "literal")
    for i in range(batch):
        rows = [v if x.uniform else v[i] for v, x in zip(values.values(), operands, strict=True)]
        y, slopes = torch_slopes(theirs, rows, operands, weights)
        np.testing.assert_allclose(row(found["y"], y, i), y, rtol=1e-10, atol=1e-12)
        for k, wanted in slopes.items():
            np.testing.assert_allclose(row(found[k], wanted, i), wanted, rtol=1e-9, atol=1e-12)


def row(found: Array, wanted: Array, example: int) -> Array:
    """One example's part; the whole where all examples share it."""
    return found[example] if found.ndim > wanted.ndim else found


def torch_slopes(theirs, rows, operands, weights) -> tuple[Array, dict[str, Array]]:
    tensors = [
        torch.tensor(r, requires_grad=x.classes is None)
        for r, x in zip(rows, operands, strict=True)
    ]
    y = theirs(*tensors)
    (y * torch.tensor(weights)).sum().backward()
    slopes = {
        f"dx{k}": np.zeros_like(rows[k]) if t.grad is None else t.grad.numpy()
        for k, t in enumerate(tensors)
        if t.requires_grad
    }
    return y.detach().numpy(), slopes


def test_every_row_of_the_table_is_compared() -> None:
    assert ELEMENTWISE.keys() == TABLE.keys()


@pytest.mark.parametrize("name", sorted(TABLE))
def test_elementwise(name: str) -> None:
    for shapes in SHAPES[arity(name)]:
        compare(apply(name), operands_of(name, shapes), ELEMENTWISE[name])


def test_equal_operands_of_a_maximum_differ_only_in_the_convention() -> None:
    """PyTorch shares a tie between both; here the second has it all, so that relu'(0) = 0."""
    x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    torch.relu(x).sum().backward()
    assert float(x.grad) == 0


MATRIX = Operand((3, 4))
OTHERS = {
    "max": (Max((0, 1)), [MATRIX], lambda x: x.amax()),
    "max of rows": (Max((1,)), [MATRIX], lambda x: x.amax(1)),
    "reshape": (Reshape((2, 6)), [MATRIX], lambda x: x.reshape(2, 6)),
    "concat": (Concat(1), [MATRIX, Operand((3, 2))], lambda a, b: torch.cat([a, b], 1)),
    "take": (
        Take(),
        [Operand((5, 4), uniform=True), Operand((7,), classes=5)],
        lambda table, index: functional.embedding(index, table),
    ),
    "scatter": (
        Scatter(5),
        [Operand((7, 4)), Operand((7,), classes=5)],
        lambda x, i: torch.zeros(5, 4, dtype=torch.float64).index_add(0, i, x),
    ),
    "mean of equal examples": (
        BatchMean(),
        [Operand((3,), uniform=True)],
        lambda x: x.clone(),
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_others(name: str) -> None:
    op, operands, theirs = OTHERS[name]
    compare(added(op), operands, theirs)


def added(op: Op):
    return lambda *xs: xs[0].builder.add(op, *xs)


def conv2d(x, k, **options):
    """Ours has channels last."""
    y = functional.conv2d(x.permute(2, 0, 1)[None], k.permute(0, 3, 1, 2), **options)
    return y[0].permute(1, 2, 0)


def conv_grouped(x, k):
    """[h, g, c] and [g, f, i, c]: the groups side by side."""
    groups, features = k.shape[:2]
    flat = x.permute(1, 2, 0).reshape(1, -1, x.shape[0])
    kernel = k.permute(0, 1, 3, 2).reshape(groups * features, k.shape[3], k.shape[2])
    return (
        functional.conv1d(flat, kernel, groups=groups)[0]
        .reshape(groups, features, -1)
        .permute(2, 0, 1)
    )


def conv_transposed(x, k, stride):
    y = functional.conv_transpose1d(x.T[None], k.permute(2, 0, 1), stride=stride, padding=1)
    return y[0].T


CONTRACTIONS = {
    "convolution": (convolution(7, 3, 3, 5), conv2d),
    "everything": (
        convolution(11, 3, 2, 4, stride=2, dilation=2, padding=2),
        lambda x, k: conv2d(x, k, stride=2, dilation=2, padding=2),
    ),
    "grouped": (grouped(7, 3, 2, 3, 5), conv_grouped),
    "depthwise": (grouped(7, 3, 5, 1, 1), conv_grouped),
    "transposed": (transposed(5, 3, 2, 7, 2), lambda x, k: conv_transposed(x, k, 2)),
    "product": (product_of(4, 5, 6), torch.matmul),
    "product, transposed": (product_of(4, 5, 6, order="tt"), lambda a, b: a.T @ b.T),
    "attention scores": (
        heads(5, 7, 2, 3)[0],
        lambda q, k: torch.einsum("qhd,khd->hqk", q, k),
    ),
    "attention mix": (heads(5, 7, 2, 3)[1], lambda a, v: torch.einsum("hqk,khd->qhd", a, v)),
}


@pytest.mark.parametrize("name", CONTRACTIONS)
def test_contractions(name: str) -> None:
    case, theirs = CONTRACTIONS[name]
    for uniform in (None, 1):
        operands = [Operand(shape, k == uniform) for k, shape in enumerate(case.shapes)]
        compare(added(case.op), operands, theirs)
