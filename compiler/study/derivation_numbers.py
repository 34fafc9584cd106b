"""The numbers of a derivation at given inputs: arrays, and their texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.types import TensorType
from gradc_compiler.graph_tools.evaluate import node_values
from gradc_compiler.study import numbers
from gradc_compiler.study.derivation import Derivation
from gradc_compiler.study.derivation_text import NONE, Numbers
from gradc_compiler.study.value_labels import adjoint_label

Arrays = Mapping[int | tuple[int, ...], np.ndarray]  # by node; of several nodes, their sum


def of_one(array: np.ndarray, type: TensorType) -> np.ndarray:
    """The value of the one example: of a sequence, a row for each element."""
    return np.asarray(array if type.time is not None else array[0])


def arrays_at(derived: Derivation, graph: Graph, values: Mapping[str, Any]) -> Arrays:
    """The number of every node of a derivation at given inputs, and of the sums that it tells."""
    found: dict[int | tuple[int, ...], np.ndarray] = {
        id: of_one(array, graph[id].type) for id, array in node_values(graph, values, 1, "float64")
    }
    sums = {term.sent for step in derived.steps for term in step.terms if len(term.sent) > 1}
    return {**found, **{ids: np.asarray(sum(found[id] for id in ids)) for ids in sums}}


def numbers_of(derived: Derivation, found: Arrays) -> Numbers:
    """The numbers as texts; single ones by the names of what they are, too."""
    if not found:
        return NONE
    texts = {id: numbers.tensor_text(array) for id, array in found.items()}
    named = {name: id for id, name in derived.names.items() if derived.graph[id].type.time is None}
    named |= {s.cotangent: s.incoming for s in derived.steps if s.incoming is not None}
    single = {name: texts[id] for name, id in named.items() if found[id].size == 1}
    return Numbers(texts, {**single, adjoint_label(derived.of): "1"})
