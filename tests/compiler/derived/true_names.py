"""Whether `d_x` of a derived program is dloss/dx of what its text calls x."""

from __future__ import annotations

import numpy as np

from gradc_compiler.derived.true_cotangents import random_values
from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.outputs import Role, of_role
from gradc_compiler.graph.rebuild import builder_after
from gradc_compiler.graph_tools.evaluate import node_values
from gradc_compiler.ops.leaf import PersistentOp
from gradc_compiler.pipeline import Compilation
from gradc_compiler.study.value_labels import leaf_name
from gradc_compiler.transform.differentiate import differentiate


def wrong_names(again: Compilation) -> list[str]:
    """The names of a derived program, compiled again, that say what is not so."""
    assert again.module.train is not None, "it has steps"
    found = [wrong_in(again.module.training(step.name)) for step in again.module.train.steps]
    return [name for names in found for name in names]


def wrong_in(graph: Graph) -> list[str]:
    """The names of one step, by its graph as it was written."""
    loss = graph.reachable([of_role(Role.REPORT, graph.results)["loss"]])
    order = sorted(graph.nodes, key=lambda n: isinstance(n.op, PersistentOp))
    values = {leaf_name(n) or n.name or "": n.id for n in order if n.id in loss}
    adjoints = {n.name: n.id for n in graph.nodes if n.name and n.id not in loss}
    told = {f"d_{name.replace('.', '_')}": id for name, id in values.items()}
    names = [name for name in adjoints if name in told]
    builder = builder_after(graph)
    target = builder.value(of_role(Role.REPORT, graph.results)["loss"])
    wrt = [builder.value(told[name]) for name in names]
    slopes = differentiate(builder, target, wrt, mean=True)
    whole = builder.graph(graph.results)
    with np.errstate(all="ignore"):
        arrays = dict(node_values(whole, random_values(whole, "normal"), 2, "float64"))
    pairs = zip(names, slopes, strict=True)
    return [name for name, g in pairs if not same(arrays[adjoints[name]], arrays[g.id])]


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether a cotangent is what it is called, once where it is the same along leading axes."""
    shape = (len(one), *(1,) * (other.ndim - one.ndim), *one.shape[1:])
    try:
        one = np.broadcast_to(one.reshape(shape), other.shape)
    except ValueError:
        return False
    most = np.max(np.abs(np.nan_to_num(other)), initial=0)
    return np.allclose(one, other, rtol=0, atol=1e-5 * most + 1e-300, equal_nan=True)
