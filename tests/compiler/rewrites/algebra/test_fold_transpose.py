"""The gradient of a transposed matrix is summed up as the matrix lies."""

from __future__ import annotations

import pytest

from gradc_compiler.ops.contract import Contract
from gradc_compiler.pipeline import compile_source
from gradc_compiler.rewrites.algebra.fold_transpose import fold_transpose
from tests.compiler.rewrites.algebra.test_simplify import I, J

VECTORS = "%0 = input{key='x', shape=(5,)}; %1 = input{key='g', shape=(7,)};"
TURN = f"contract{{extents=(5, 7), operands=(({I}, {J}),), result=({J}, {I}), shape=(7, 5)}}"


def outer(result: str, shape: str, mean: bool = True) -> str:
    """The product of each element of a vector with each of another."""
    maps = f"operands=(({I},), ({J},)), result=({result}), shape={shape}"
    return f"contract{{extents=(5, 7), {maps}, mean={mean}}}"


def test_a_mean_is_written_as_it_is_read(assert_rewrites) -> None:
    mean = f"%2 = {outer(f'{I}, {J}', '(5, 7)')} %0 %1;"
    assert_rewrites(
        fold_transpose,
        before=VECTORS + mean + f"%3 = {TURN} %2; return a=%3",
        after=VECTORS + mean + f"%3 = {outer(f'{J}, {I}', '(7, 5)')} %0 %1; return a=%3",
    )


@pytest.mark.parametrize(("mean", "wanted"), [(False, "a=%3"), (True, "a=%3 b=%2")])
def test_what_others_read_stays(assert_rewrites, mean: bool, wanted: str) -> None:
    product = f"%2 = {outer(f'{I}, {J}', '(5, 7)', mean)} %0 %1;"
    kept = VECTORS + product + f"%3 = {TURN} %2; return {wanted}"
    assert_rewrites(fold_transpose, before=kept, after=kept)


def test_an_update_reads_its_gradient_row_by_row() -> None:
    program = compile_source("""
model net(x : [3, 20]) -> [3, 40] {
    param W : [40, 20] ~ glorot_uniform
    x @ transpose(W)
}
data batch(x : [3, 20], y : [3, 40]) = npz("none.npz")
train on batch { minimize squared_error(net(x), y) using sgd(lr = 0.1) }
""")
    nodes = program.entries["step/train"].graph.nodes
    means = [n.type.shape for n in nodes if isinstance(n.op, Contract) and n.op.mean]
    assert (40, 20) in means and (20, 40) not in means
