"""From expressions to the statements of a model, in the order in which they are evaluated.

A node that is read twice, or that is deep, has a name and a line; all others stand within the one
that reads them.  Layers are numbered as the compiler numbers them: by the order of the text
(`digit.conv1`, `digit.conv2`), so that weights find their layer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from gradc_runtime.onnx.importer.expression import CALL, CHAIN, Expr, Weights
from gradc_runtime.onnx.importer.names import SpecNames

DEEPEST, WIDEST = 7, 96  # of an expression within others
MARK = re.compile("\x00(\\d+)\x01")


class SpecWriter:
    """The body of one model in the making."""

    def __init__(self, names: SpecNames) -> None:
        self.names = names
        self.lines: list[str] = []
        self.arrays: dict[str, np.ndarray] = {}  # of layers, by their paths within the model
        self.sources: list[tuple[str, str]] = []  # a layer's path, and the ONNX tensor

    def write(self, outputs: Sequence[Expr]) -> str:
        """The statements before the value of the body, and that value."""
        nodes = reachable(outputs)
        readers = Counter(o.serial for node in nodes for o in node.operands)
        readers.update(e.serial for e in outputs)
        shared = self.shared_layers(nodes)
        texts: dict[int, tuple[str, int, int]] = {}
        roots = {e.serial for e in outputs}
        for node in nodes:
            text, depth = rendered(node, texts, shared)
            level = node.level
            last = node.serial in roots and readers[node.serial] == 1
            if not last and is_a_line(node, text, depth, readers[node.serial]):
                called = self.names.fresh(node.hint or "v1")
                self.lines.append(f"{called} = {text}")
                text, level, depth = called, CALL, 0
            texts[node.serial] = (text, level, depth)
        written = [texts[e.serial][0] for e in outputs]
        value = written[0] if len(written) == 1 else f"({', '.join(written)})"
        self.lines.append(value)
        self.number_layers(nodes)
        return value

    def shared_layers(self, nodes: Iterable[Expr]) -> dict[int, str]:
        """SpecNames for layers that are used more than once; each has a statement of its own."""
        uses = Counter(n.weights.key for n in nodes if n.weights)
        names: dict[object, str] = {}
        found = {}
        for node in nodes:
            weights = node.weights
            if weights is None or uses[weights.key] == 1:
                continue
            if weights.key not in names:
                called = self.names.fresh(weights.layer + "_shared")
                names[weights.key] = called
                layer = node.text.partition("|> ")[2]
                self.lines.append(f"{called} = {layer}")
                self.arrays |= {f"{called}.{k}": a for k, a in weights.arrays.items()}
            found[node.serial] = names[weights.key]
        return found

    def number_layers(self, nodes: Iterable[Expr]) -> None:
        """Replace marks, and give arrays their paths."""
        known = {node.serial: node.weights for node in nodes if node.weights}
        counts: Counter[str] = Counter()
        for k, line in enumerate(self.lines):
            for mark in MARK.finditer(line):
                weights = known[int(mark[1])]
                counts[weights.layer] += 1
                path = f"{weights.layer}{counts[weights.layer]}"
                self.arrays |= {f"{path}.{n}": a for n, a in weights.arrays.items()}
                self.sources.append((path, source_of_weights(weights)))
            self.lines[k] = MARK.sub("", line)


def source_of_weights(weights: Weights) -> str:
    """The first tensor of a layer."""
    return str(weights.key[0])


def is_a_line(node: Expr, text: str, depth: int, readers: int) -> bool:
    """Whether a node is to be a statement of its own."""
    if not node.operands and not node.weights and len(text) < WIDEST:
        return False
    return readers > 1 or depth > DEEPEST or len(text) > WIDEST


def reachable(outputs: Sequence[Expr]) -> list[Expr]:
    """All nodes below some, each after its operands."""
    found: dict[int, Expr] = {}
    waiting = list(outputs)
    while waiting:
        node = waiting.pop()
        if node.serial not in found:
            found[node.serial] = node
            waiting.extend(node.operands)
    return [found[serial] for serial in sorted(found)]


def rendered(
    node: Expr, texts: dict[int, tuple[str, int, int]], shared: dict[int, str]
) -> tuple[str, int]:
    """The text of a node, and how deep it is."""
    parts, depth = [], 0
    for operand, needed in zip(node.operands, node.levels, strict=True):
        text, level, below = texts[operand.serial]
        parts.append(f"({text})" if needs_brackets(level, needed, node.level) else text)
        depth = max(depth, below + 1)
    template = node.text
    if node.serial in shared:
        template = f"{{}} |> {shared[node.serial]}"
    elif node.weights is not None:
        template += f"\x00{node.serial}\x01"
    return (template.format(*parts) if parts else template), depth


def needs_brackets(level: int, needed: int, outer: int) -> bool:
    """Operations before `|>` stand in brackets, and so do chains within operations."""
    if outer == CHAIN:
        return CHAIN < level < CALL
    return level < needed
