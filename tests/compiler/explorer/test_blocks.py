"""Which operators are one layer on the explorer's page."""

from __future__ import annotations

from gradc_compiler.explorer.blocks import MOST, block_tree
from gradc_compiler.graph.provenance import Application
from gradc_compiler.pipeline import compile_source

NESTED = """
layer twice(x : [n]) -> [n] { x |> dense(n) |> tanh |> dense(n) |> tanh }
model f(x : [3]) -> scalar { x |> repeat(2, twice) |> sum }
"""


def test_blocks_are_applications() -> None:
    model = Application("f", None)
    first, second = Application("dense", model), Application("dense", model)
    blocks = [None, first, first, second, second, model]
    tree, called = block_tree(blocks, {1: "f.dense1.W", 3: "f.dense2.W"})
    assert not called
    assert [(b["title"], b["above"], b["values"]) for b in tree] == [
        ("", None, [0]),
        ("f", 0, [5]),
        ("dense1", 1, [1, 2]),
        ("dense2", 1, [3, 4]),
    ]


def test_a_block_of_one_is_no_block() -> None:
    outer = Application("outer", None)
    inner = Application("inner", outer)
    tree, called = block_tree([None, inner, inner], {})
    assert [b["title"] for b in tree] == ["", "inner"] and not called
    tree, called = block_tree([None, inner], {})
    assert [b["title"] for b in tree] == [""] and called == {1: "outer"}


def test_a_long_row_is_cut() -> None:
    tree, _ = block_tree([None] * 2000, {})
    children = [len(b["values"]) for b in tree]
    for number in range(len(tree)):
        children[number] += sum(b["above"] == number for b in tree)
    assert max(children) <= MOST
    assert sorted(v for b in tree for v in b["values"]) == [*range(2000)]
    layers = [Application("unit", None) for _ in range(50)]
    paths = {k: f"f.unit{k // 2 + 1}.w" for k in range(0, 100, 2)}
    tree, _ = block_tree([layers[k // 2] for k in range(100)], paths)
    titles = [b["title"] for b in tree if b["above"] == 0]
    assert titles == ["unit1 to unit25", "unit26 to unit50"]


def test_nodes_know_the_layer_that_made_them() -> None:
    program = compile_source(NESTED)
    assert program.checks is not None
    graph = program.checks.graphs["forward/f"]
    paths = {block: path(block) for node in graph.nodes if (block := node.block) is not None}
    assert sorted(paths.values()).count("f/twice/dense") == 4
    assert sum(name == "f/twice" for name in map(path, {b.above for b in paths if b.above})) == 2


def path(block: Application) -> str:
    return block.name if block.above is None else f"{path(block.above)}/{block.name}"
