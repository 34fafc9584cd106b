"""Specs of which a step is sums along rows with elementwise arithmetic around: norms, losses."""

from __future__ import annotations

from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.entry import Entry, Instruction

NETS = {  # a loss of z and y, both of some rows
    "softmax": "sum(softmax(z) * y)",
    "log_softmax": "-sum(y * log_softmax(z))",
    "layer_norm": "sum(layer_norm(z) * y)",
    "rms_norm": "sum(z / sqrt(reshape(mean(z^2, axis = -1), [{rows}, 1]) + 0.01) * y)",
    "logsumexp": "sum(logsumexp(z) * sum(y, axis = -1))",
    "two in a row": "sum(softmax(layer_norm(z)) * y)",
}


def spec(net: str, rows: int, columns: int) -> str:
    """A spec that learns a shift of its input."""
    loss = NETS[net].format(rows=rows)
    shape = f"[{rows}, {columns}]"
    return f"""
model net(x : {shape}, y : {shape}) -> scalar {{
    param shift : {shape} ~ normal(0, 1)
    z = x + shift
    {loss}
}}
data batch(x : {shape}, y : {shape}) = npz("batch.npz")
train on batch {{ minimize net(x, y) using sgd(lr = 0.1) }}
"""


def only(model: str) -> tuple[Entry, Instruction]:
    """The entry of a model, and its single instruction on a GPU."""
    (entry,) = compile_source(model).of_target("cuda").entries.values()
    (found,) = [item for phase in entry.phases for item in phase.instructions]
    return entry, found
