"""What the values of a step are called in its derived program: as everywhere (`value_labels.py`),
adjoints after what they are the adjoint of (`d_price`), tangents likewise (`dot_price`).

Which value a cotangent belongs to is in the ledger: the nodes that the rule of y made read the
cotangent of y.  One cotangent may be that of several values, as an addition hands it on unchanged;
then it is called after the one nearest to the loss.  Rewrites hand the ledger on, and not always
the value that it speaks of, so a name is given only where it is true (`true_cotangents.py`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from gradc_compiler.derived.spare_names import is_backward, ruled, spare_names
from gradc_compiler.derived.true_cotangents import true_cotangents
from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.outputs import OutputKey, Role, is_of, of_role
from gradc_compiler.graph.rebuild import rebuild
from gradc_compiler.ops.leaf import Constant, Input, PersistentOp
from gradc_compiler.ops.ruled import Ruled
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study.value_labels import (
    Place,
    adjoint_label,
    tangent_label,
    tangent_owners,
    value_labels,
)
from gradc_compiler.syntax.grammar.tree import Definition, File, ResultStmt
from gradc_compiler.transform.statement_text import MADE_UP, in_turn

WORD = re.compile(r"[^\W\d]\w*")


def model_results(tree: File) -> dict[Place, str]:
    """Where each model of a file says what it gives."""
    found = {}
    for declaration in tree.declarations:
        match declaration:
            case Definition(kind="model", name=name, body=(*_, ResultStmt(value=value))):
                found[value.span.start, value.span.end] = name
    return found


@dataclass(frozen=True, slots=True)
class StepNames:
    """What the values of a step are called."""

    labels: dict[int, str]
    spare: dict[int, str]  # for those that have no name of their own, should one be needed


def labels_of(
    graph: Graph, loss: Graph, tree: File, paths: Mapping[str, str], taken: Collection[str]
) -> StepNames:
    """Names for the nodes of a step, none of them in `taken`; `loss` is the graph of its gradients
    as the author wrote it, `paths` says what parameters are called.
    """
    forward, count = _forward_labels(graph, loss, tree)
    names = {**forward, **_rest(graph, forward)}
    leaves = _leaves(graph, paths)
    inside = graph.reachable([graph.results["loss"]])  # what a `grad` in it made is a value of it
    own = any(isinstance(node.op, Ruled) for node in loss.nodes)  # derivatives of the author's
    met = _adjoints(graph, names | leaves, own=own)
    adjoints = {id: name for id, name in met.items() if id not in inside}
    for name, id in of_role(Role.REPORT, graph.results).items():
        names.setdefault(id, name)
    for name, id in of_role(Role.UPDATE, graph.results).items():
        if id not in leaves:
            names.setdefault(id, result_name(Role.UPDATE, name, paths, 0))
    gradients = of_role(Role.GRADIENT, graph.results)
    adjoints |= {id: adjoint_label(paths.get(key, key)) for key, id in gradients.items()}
    names |= _tangents(graph, {**leaves, **names, **adjoints})
    found = _without_clashes(graph, {**names, **adjoints}, forward, taken)
    return StepNames(found, spare_names(graph, {**leaves, **found}, adjoints, inside, count + 1))


def _without_clashes(
    graph: Graph, names: Mapping[int, str], first: Mapping[int, str], taken: Collection[str]
) -> dict[int, str]:
    """Each name once: `h_2` for another h, `eval_h` for h of what is only evaluated; `rows_` where
    the program means something else by it.  Those of `first` are given out before others.
    """
    results = graph.results.items()
    trained = graph.reachable(id for key, id in results if not is_of(Role.EVALUATED, key))
    found, used = dict[int, str](), {*taken}
    for id in sorted(names, key=lambda id: (id not in first, id)):
        word = names[id] if WORD.fullmatch(names[id]) else re.sub(r"\W+", "_", f"c_{names[id]}")
        word = word if id in trained else f"eval_{word}"
        word = f"{word}_" if word in taken else word
        found[id] = next(name for name in in_turn(word) if name not in used)
        used.add(found[id])
    return found


def _forward_labels(graph: Graph, loss: Graph, tree: File) -> tuple[dict[int, str], int]:
    """The labels that `explain` gives the values of the loss, wherever they are still there, and
    how far it has counted those that have no name.
    """
    target = loss.outputs["loss"]
    if loss[target].op.name == "batch_mean":
        target = loss[target].inputs[0]
    reached, numbers = rebuild(loss, loss.reachable([target]))
    carries = {k: numbers[i] for k, i in loss.carries.items() if i in numbers}
    reached.carries = carries
    alone = reached.graph({})
    shown = [n for n in alone.nodes if not isinstance(n.op, Constant)]
    labels = value_labels(alone, shown, (numbers[target], "loss"), model_results(tree))
    by_tag = {alone[i].tag: name for i, name in labels.items()}
    found = {
        n.id: by_tag[n.tag]
        for n in graph.nodes
        if n.tag in by_tag and not isinstance(n.op, Input | PersistentOp)
    }
    return found, max([int(n[1:]) for n in labels.values() if MADE_UP.fullmatch(n)], default=0)


def _rest(graph: Graph, known: Mapping[int, str]) -> dict[int, str]:
    """Names for other forward values that somebody gave a name."""
    return {
        n.id: n.name
        for n in graph.nodes
        if n.name and n.id not in known and not is_backward(n)
        and not isinstance(n.op, Input | PersistentOp | Constant)
    }  # fmt: skip


def _tangents(graph: Graph, known: Mapping[int, str]) -> dict[int, str]:
    """Names for tangents of values with a name, tangents among them."""
    found: dict[int, str] = {}
    for id, owner in sorted(tangent_owners(graph).items()):
        name = known.get(owner) or found.get(owner)
        if name is not None and id not in known:
            found[id] = tangent_label(name)
    return found


def _leaves(graph: Graph, paths: Mapping[str, str]) -> dict[int, str]:
    return {
        n.id: paths.get(n.op.key, n.op.key)
        for n in graph.nodes
        if isinstance(n.op, Input | PersistentOp)
    }


def _adjoints(graph: Graph, names: Mapping[int, str], *, own: bool) -> dict[int, str]:
    """For each cotangent the name of the value whose it is; where derivatives are the author's own
    there is no other to hold a name against.
    """
    said = {(g, y) for g, y in _met(graph) if y in names}
    said = {(g, y) for g, y in said if not isinstance(graph[g].op, Constant)}
    sent = dict(_sent_back(graph, names))
    claims = {*said, *sent.values()}
    true = claims if own else true_cotangents(graph, claims)
    owner: dict[int, int] = {}
    for cotangent, y in sorted(said & true):
        owner[cotangent] = max(y, owner.get(cotangent, -1))
    found = {cotangent: adjoint_label(names[y]) for cotangent, y in owner.items()}
    for waits, (carried, y) in sent.items():
        if (carried, y) in true:
            found[carried] = adjoint_label(names[y])
            found[waits] = f"{found[carried]}_next"
    return found


def _sent_back(graph: Graph, names: Mapping[int, str]) -> Iterator[tuple[int, tuple[int, int]]]:
    """What a recurrence sends back through time: the node that has that of the step after it, then
    the cotangent that it carries, and whose it is (`h_before`).
    """
    by_tag = {node.tag: node.id for node in graph.nodes}
    for node in graph.nodes:
        loop = node.op.carried_by
        if loop is None or not is_backward(node):
            continue
        tag = ruled(node)
        y = None if tag is None else by_tag.get(tag)
        if y is not None and y in names:
            yield node.id, (graph.carries[loop], y)


def _met(graph: Graph) -> Iterator[tuple[int, int]]:
    """Each cotangent that the nodes of a rule read, with the value whose rule it is."""
    by_tag = {node.tag: node.id for node in graph.nodes}
    for node in graph.nodes:
        if not is_backward(node):
            continue
        assert node.origin is not None, "backward nodes have one"
        y = by_tag.get(-1 if node.origin.node is None else node.origin.node)
        g = by_tag.get(-1 if node.origin.cotangent is None else node.origin.cotangent)
        if y is None:
            continue
        if g is not None:
            yield g, y
        sums = node.op.name == "add"  # of what was sent before, and what this rule sends
        for i in node.inputs[1:] if sums else node.inputs:
            other = graph[i]
            if i in graph[y].inputs:
                continue  # an operand of y: a slope, or an adjoint that is differentiated again
            if is_backward(other) and ruled(other) != ruled(node):
                yield i, y


def result_name(role: Role, about: str, paths: Mapping[str, str], number: int) -> str:
    """What a model calls one of its results."""
    path = paths.get(about, about)
    match role:
        case Role.GRADIENT:
            return adjoint_label(path)
        case Role.UPDATE:
            return f"next_{path.replace('.', '_')}"
        case Role.REPORT if WORD.fullmatch(about):
            return about
    return f"{role.value}{number}"


def key_about(key: OutputKey) -> str:
    """What an output is about."""
    return getattr(key, "about", str(key))
