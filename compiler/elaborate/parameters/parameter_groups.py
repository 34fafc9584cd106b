"""Parameters by name: what `digit` or `digit.conv1` stands for."""

from __future__ import annotations

from gradc_compiler.elaborate.names.paths import Path
from gradc_compiler.elaborate.names.values import (
    Composition,
    Defined,
    Layer,
    ParameterGroup,
    Recurrent,
    Repeated,
    StaticValue,
)
from gradc_compiler.graph.graph import Node, Value
from gradc_compiler.ops.leaf import PersistentOp


def group_path(meaning: StaticValue) -> str | None:
    """The path of the parameters that a model, a layer or `model.layer` stands for."""
    match meaning:
        case ParameterGroup(path=path):
            return path
        case Value(node=Node(op=PersistentOp(key=key))):
            return key
        case Recurrent(cell=cell):
            return group_path(cell)
        case Defined(bare=Layer() as layer):
            return group_path(layer)
        case Defined(definition=definition, is_model=True):
            return definition.name
        case (
            Layer(path=Path() as path)
            | Composition(path=Path() as path)
            | Repeated(path=Path() as path)
        ):
            return path.full()
        case _:
            return None
