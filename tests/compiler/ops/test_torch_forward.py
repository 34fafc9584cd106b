"""Tangents of every operator against `torch.func.jvp`, wherever PyTorch has the same function."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.ops.cumsum import CumSum
from tests.compiler.ops.test_elementwise import SHAPES, apply, arity, operands_of
from tests.support.forward import tangent_graph
from tests.support.graphs import Operand, evaluate_outputs, values_of

pytestmark = [
    pytest.mark.wide,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of PyTorch about parts of itself
]
torch = pytest.importorskip("torch")
from tests.compiler.ops.test_torch import CONTRACTIONS, ELEMENTWISE, OTHERS, added  # noqa: E402

MATRIX = Operand((3, 4))


def compare(function, operands: list[Operand], theirs, batch: int = 4) -> None:
    """The tangent of each example along random directions."""
    values, rng = values_of(operands, batch), np.random.default_rng(5)
    moves = {
        f"d{k}": rng.normal(size=v.shape)
        for (k, v), x in zip(values.items(), operands, strict=True)
        if x.classes is None
    }
    graph = tangent_graph(function, operands, second=False)
    found = evaluate_outputs(graph, {**values, **moves}, batch)["dy"]
    for i in range(batch):
        rows = [torch.tensor(v if x.uniform else v[i])
                for v, x in zip(values.values(), operands, strict=True)]  # fmt: skip
        moving = [k for k, x in enumerate(operands) if x.classes is None]
        along = [torch.tensor(moves[f"dx{k}"] if operands[k].uniform else moves[f"dx{k}"][i])
                 for k in moving]  # fmt: skip

        def of_moving(*given, rows=rows, moving=moving):
            whole = list(rows)
            for k, one in zip(moving, given, strict=True):
                whole[k] = one
            return theirs(*whole)

        _, wanted = torch.func.jvp(of_moving, tuple(rows[k] for k in moving), tuple(along))
        mine = found[i] if found.ndim > wanted.ndim else found
        np.testing.assert_allclose(
            np.broadcast_to(mine, wanted.shape), wanted.numpy(), rtol=1e-9, atol=1e-12
        )


@pytest.mark.parametrize("name", sorted(set(ELEMENTWISE) - {"bfloat16", "tfloat32"}))
def test_elementwise(name: str) -> None:
    for shapes in SHAPES[arity(name)]:
        compare(apply(name), operands_of(name, shapes), ELEMENTWISE[name])


ALONG = {
    "cumsum": (CumSum(1), [MATRIX], lambda x: torch.cumsum(x, 1)),
    "cumsum backwards": (
        CumSum(0, backwards=True),
        [MATRIX],
        lambda x: torch.flip(torch.cumsum(torch.flip(x, (0,)), 0), (0,)),
    ),
}


@pytest.mark.parametrize("name", [*OTHERS, *ALONG])
def test_others(name: str) -> None:
    op, operands, theirs = {**OTHERS, **ALONG}[name]
    compare(added(op), operands, theirs)


@pytest.mark.parametrize("name", CONTRACTIONS)
def test_contractions(name: str) -> None:
    case, theirs = CONTRACTIONS[name]
    for uniform in (None, 1):
        operands = [Operand(shape, k == uniform) for k, shape in enumerate(case.shapes)]
        compare(added(case.op), operands, theirs)
