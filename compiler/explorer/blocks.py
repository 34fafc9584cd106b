"""Which operators are one layer: the tree of blocks that a picture folds and unfolds.

A block is an application of a definition (`Application`).  One with a single operator is that
operator, one with a single block within is that block, and what stands in a long row by itself is
cut into rows of at most `MOST`, so that no block unfolds into more than a person can look at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from gradc_compiler.graph.provenance import Application
from gradc_compiler.records.fast_dataclass import dataclass

MOST = 40  # children of a block


@dataclass(slots=True, eq=False)
class BlockPart:
    """A block in the making."""

    name: str
    children: list[BlockPart | int]  # blocks, and numbers of values
    is_row: bool = False  # some of what stood in a long row


def block_tree(
    blocks: Sequence[Application | None], paths: Mapping[int, str]
) -> tuple[list[dict[str, Any]], dict[int, str]]:
    """The blocks of values, given the block of each and the paths of those that are parameters; and
    what a value is called that is a layer by itself.

    A block has its `title`, the number of the block `above` it (None at the top), and its own
    `values`; it stands after the one above it.
    """
    top, called = _grown(blocks), dict[int, str]()
    _thinned(top, called)
    _cut(top)
    found: list[dict[str, Any]] = []
    _listed(top, None, found, paths)
    return found, called


def _grown(blocks: Sequence[Application | None]) -> BlockPart:
    """The tree as it was written."""
    top = BlockPart("", [])
    known: dict[Application | None, BlockPart] = {None: top}

    def part(block: Application | None) -> BlockPart:
        if block is None or block in known:
            return known[block]
        made = known[block] = BlockPart(block.name, [])
        part(block.above).children.append(made)
        return made

    for number, block in enumerate(blocks):
        part(block).children.append(number)
    return top


def _thinned(part: BlockPart, called: dict[int, str]) -> None:
    """Without blocks that say nothing: of one child, which is `called` like the block."""
    children: list[BlockPart | int] = []
    for child in part.children:
        if isinstance(child, BlockPart):
            _thinned(child, called)
            name = child.name
            while isinstance(child, BlockPart) and len(child.children) == 1:
                child = child.children[0]
            if isinstance(child, int):
                called[child] = name
        children.append(child)
    part.children = children


def _cut(part: BlockPart) -> None:
    """Without more than `MOST` children in any block."""
    for child in part.children:
        if isinstance(child, BlockPart):
            _cut(child)
    while len(part.children) > MOST:
        rows = [*_rows(part.children)]
        part.children = [
            BlockPart(f"part {k} of {len(rows)}", [*row], is_row=True) if len(row) > 1 else row[0]
            for k, row in enumerate(rows, 1)
        ]


def _rows(children: Sequence[BlockPart | int]) -> Iterator[Sequence[BlockPart | int]]:
    """The children in rows of at most `MOST`, none much shorter than another."""
    count = -(-len(children) // MOST)
    ends = [len(children) * k // count for k in range(count + 1)]
    yield from (children[a:b] for a, b in pairwise(ends))


def _listed(
    part: BlockPart, above: int | None, found: list[dict[str, Any]], paths: Mapping[int, str]
) -> None:
    """The tree as rows."""
    number = len(found)
    own = [child for child in part.children if isinstance(child, int)]
    title = _title(part, paths)
    found.append({"title": title, "above": above, "values": own})
    for child in part.children:
        if isinstance(child, BlockPart):
            _listed(child, number, found, paths)


def _title(part: BlockPart, paths: Mapping[int, str]) -> str:
    """What its parameters are called after, if that is one layer; else its definition; of a row its
    first layer and its last, if it has layers.
    """
    inner = [_title(child, paths) for child in part.children if isinstance(child, BlockPart)]
    if part.is_row:
        return f"{inner[0]} to {inner[-1]}" if len(inner) > 1 else part.name
    layers = [paths[v].rpartition(".")[0] for v in _inside(part) if v in paths]
    common = _common([p.split(".") for p in layers if p])
    last = common[-1] if common else ""
    return last if last.rstrip("0123456789") == part.name else part.name


def _common(paths: Sequence[Sequence[str]]) -> list[str]:
    """The names that all paths begin with."""
    found = []
    for names in zip(*paths, strict=False):
        if len({*names}) > 1:
            break
        found.append(names[0])
    return found


def _inside(part: BlockPart) -> Iterator[int]:
    """All values of a block."""
    for child in part.children:
        if isinstance(child, BlockPart):
            yield from _inside(child)
        else:
            yield child
