"""From a tree to typed graphs of ONE example: names, sizes, shapes, types, layers, training.

All errors of meaning are raised here, all of them in one go.  Read `names/values.py` for what an
expression can mean, `expressions/expressions.py` for how it gets its meaning, `layers/calls.py` for
layers, `training/train_block.py` for training.  Runs after `syntax/parse`, before `rewrites`;
`differentiate` is called from here.
"""

from gradc_compiler.elaborate.elaborate import elaborate
from gradc_compiler.elaborate.models.module import ModelSignature, Module, StepInfo, TrainInfo
from gradc_compiler.elaborate.names.registry import PersistentSpec

__all__ = ["ModelSignature", "Module", "PersistentSpec", "StepInfo", "TrainInfo", "elaborate"]
