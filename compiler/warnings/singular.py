"""A logarithm, a root or a quotient of what may be 0, where a derivative goes through it."""

from __future__ import annotations

from collections.abc import Iterator

from gradc_compiler.diagnostics.source import Label
from gradc_compiler.graph.graph import Node
from gradc_compiler.graph.rebuild import rebuild
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.index import Take
from gradc_compiler.ops.sequence import Length
from gradc_compiler.warnings.step_view import FoundWarning, Look, varies

LARGEST = 1 << 20  # numbers of a constant that is looked at

OPERAND = {"log": 0, "sqrt": 0, "div": 1}  # which is not to be 0
WRONG = {
    "log": "the logarithm of what may be 0 is -inf there, and its slope infinite",
    "sqrt": "the slope of a root is infinite where what is below it is 0",
    "div": "this divides by what may be 0",
}
MEND = {
    "log": "bound it from below: log(x + 1e-6), or log(maximum(x, 1e-6))",
    "sqrt": "add a small number: sqrt(x + 1e-6); norm(x) is the length of x, with the slope 0 at 0",
    "div": "add a small number to what is at least 0: x / (y + 1e-6), or take maximum(y, 1e-6)",
}
MADE = {  # whose logarithm has a better form
    "softmax": "log_softmax gives the logarithm of a softmax, exact for any numbers",
    "sigmoid": "-softplus(-x) is the logarithm of sigmoid(x), exact for any x",
}


def singular(look: Look) -> Iterator[FoundWarning]:
    """`log`, `sqrt`, `/` of what may be 0, in the author's own lines."""
    for node, span in look.own(set() if look.step.descends else look.exposed):
        name = node.op.name
        if name in OPERAND and not is_bounded(node, look):
            below = look.graph[node.inputs[OPERAND[name]]]
            hint = MADE.get(_maker(below, look), MEND[name]) if name == "log" else MEND[name]
            at = below.span if below.id not in look.made_by else None
            other = at is not None and at.source is span.source and at.line != span.line
            places = (Label(at, "this may be 0"),) if at is not None and other else ()
            yield FoundWarning(span=span, message=WRONG[name], secondary=places, hint=hint)


def _maker(node: Node, look: Look) -> str:
    """What made the numbers of a node, or those that it picks from."""
    id = look.source(node.id)
    while id not in look.results and _picks(look.graph[id]):
        id = look.source(look.graph[id].inputs[0])
    return look.results[id].name if id in look.results else look.graph[id].op.name


def _picks(node: Node) -> bool:
    """Whether a node has some of its first operand's numbers: `x[label]`, `x[2]`, a sum too."""
    return isinstance(node.op, Take) or (isinstance(node.op, Contract) and len(node.inputs) == 1)


def is_bounded(node: Node, look: Look) -> bool:
    """Whether something keeps the operand away from 0; a sequence that is measured has elements."""
    id = node.inputs[OPERAND[node.op.name]]
    known = look.bounds(id)
    divides = node.op.name == "div"
    if known.positive or (divides and (known.high < 0 or _is_exponential(id, look))):
        return True
    return isinstance(look.graph[look.source(id)].op, Length) or _is_computed(id, look)


def _is_exponential(id: int, look: Look, depth: int = 6) -> bool:
    """Whether an operand is made of an exponential, which is 0 only where a quotient by it has left
    the range of numbers, by products with what is above 0: a variance, a temperature.
    """
    node = look.graph[look.source(id)]
    if node.op.name in ("mul", "sqrt") and depth:
        read = ((i, look.bounds(i).positive) for i in node.inputs)
        return all(positive or _is_exponential(i, look, depth - 1) for i, positive in read)
    return node.op.name == "exp"


def _is_computed(id: int, look: Look) -> bool:
    """Whether an operand is made of constants alone, none of which comes to 0."""
    nodes = look.graph.reachable([id])
    if any(varies(look.graph[i]) or look.graph[i].type.size > LARGEST for i in nodes):
        return False
    builder, places = rebuild(look.graph, nodes)
    value = evaluate(builder.graph({"value": places[id]}), {})["value"]
    return bool((value > 0).all())
