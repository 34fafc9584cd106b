"""The work of compiling grows with the size of the graph, and no faster: counted in calls."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from cProfile import Profile
from itertools import product
from random import Random

import pytest

from gradc_compiler.fusion import groups
from gradc_compiler.fusion.groups import fuse
from gradc_compiler.fusion.heights import Heights
from gradc_compiler.fusion.stages import assign_stages
from gradc_compiler.graph.graph import Builder
from gradc_compiler.ops.leaf import Input
from gradc_compiler.pipeline import compile_source
from gradc_compiler.rewrites.conv.match import fills
from gradc_compiler.schedule import schedule
from gradc_compiler.transform.statement_writer import StatementWriter
from gradc_compiler.transform.unparse_expr import Affine

TRAINED = "train on d {{ minimize sum({0}^2) using adam(lr = 1e-3) }}"
NETWORKS = {  # the layer, the input, what is trained, and twice a number of layers
    "dense": ("dense(4)", "[4]", "f(x)", 24),
    "attention": ("multi_head_attention(2)", "[3, 4]", "f(x)", 8),
    "convolution": ("conv(4, 3x3) |> batch_norm", "[3, 3, 4]", "f(x)", 8),
    "second derivatives": ("dense(4) |> tanh", "[4]", "grad(sum(f(x)), x)", 16),
}


def calls(text: str, entry: str) -> int:
    """Calls of functions that making an entry's kernels takes."""
    program, profile = compile_source(text), Profile()
    profile.runcall(program.entries.__getitem__, entry)
    return sum(row.callcount for row in profile.getstats())


def trained(name: str, part: int) -> str:
    layer, shape, trains, layers = NETWORKS[name]
    return f"""
model f(x : {shape}) -> {shape} {{ x |> repeat({layers // part}, {layer}) }}
data d(x : {shape}) = npz("none.npz")
{TRAINED.format(trains)}
"""


@pytest.mark.parametrize("name", NETWORKS)
def test_twice_the_layers_are_twice_the_work(name: str) -> None:
    calls(trained(name, 4), "step/train")  # what is made once is made now
    assert calls(trained(name, 1), "step/train") < 2.1 * calls(trained(name, 2), "step/train")


def test_a_forward_pass_is_linear_too() -> None:
    texts = [f"model f(x : [4]) {{ x |> repeat({n}, dense(4)) }}" for n in (20, 100, 200)]
    _, half, whole = (calls(text, "forward/f") for text in texts)
    assert whole < 2.1 * half


def test_values_that_many_later_ones_read() -> None:
    """The ways between units are long here."""

    def work(count: int) -> int:
        builder, profile = Builder(), Profile()
        values = [builder.add(Input("x", (3,)))]
        for k in range(count):
            values.append(values[-1].apply("sin", values[-1]) + values[k // 2])
        profile.runcall(schedule, "large", builder.graph({"y": values[-1].id}), {})
        return sum(row.callcount for row in profile.getstats())

    work(20)
    assert work(300) < 2.3 * work(150)


@pytest.mark.parametrize("name", NETWORKS)
def test_heights_change_no_unit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = compile_source(trained(name, 2)).entries["step/train"].graph
    regions = assign_stages(graph)
    found = [unit.nodes for unit in fuse(graph, regions)]
    monkeypatch.setattr(groups, "Heights", lambda following, circles: Heights(following, True))
    assert [unit.nodes for unit in fuse(graph, regions)] == found


def test_a_parameter_of_a_billion_numbers_is_compiled_as_one_of_ten() -> None:
    """Neither the trial of its rule nor what its gradient writes is gone through."""
    text = """
model f(x : [4]) -> scalar {{ param w : [{}] = 0; mean(w * sum(x)) }}
data d(x : [4]) = npz("none.npz")
train on d {{ minimize f(x)^2 using adam(lr = 0.1) }}
"""
    tracemalloc.start()
    try:
        program = compile_source(text.format("2^30"))
        assert program.entries["step/train"].uniform_words >= 2**30
        assert tracemalloc.get_traced_memory()[1] < 256 * 2**20  # of 4 GiB
    finally:
        tracemalloc.stop()


def test_what_an_affine_position_fills() -> None:
    draw, found = Random(3), Counter[bool]()
    for _ in range(3000):
        extents = [draw.choice([0, 1, 1, 2, 2, 3, 4, 5]) for _ in range(draw.randint(0, 3))]
        terms = tuple((j, draw.choice([1, 1, 2, 3, -1, -2, 5])) for j in range(len(extents)))
        position, size = Affine(terms, draw.randint(-12, 3)), draw.randint(0, 8)
        reached = {
            position.offset + sum(c * at[j] for j, c in terms)
            for at in product(*map(range, extents))
        }
        wanted = reached >= {*range(size)}
        assert fills(position, extents, size) is wanted, (position, extents, size)
        found[wanted] += 1
    assert min(found.values()) > 300


def test_the_text_of_a_graph_whose_values_are_read_twice_is_written_once() -> None:
    """Looking for numbers to fold went through every path: 2^n of them."""

    def statements(count: int) -> int:
        lines = "y = y * y + y\n" * count
        program = compile_source(f"model f(x : scalar) -> scalar {{ y = sin(x)\n{lines}y }}")
        writer, profile = StatementWriter(program.entries["forward/f"].graph, {}), Profile()
        profile.runcall(writer.lines)
        return sum(row.callcount for row in profile.getstats())

    assert statements(16) < 2.2 * statements(8)
