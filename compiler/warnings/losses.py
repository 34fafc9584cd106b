"""Losses that do not measure what they seem to."""

from __future__ import annotations

from collections.abc import Iterator

from gradc_compiler.diagnostics.source import Label, Span
from gradc_compiler.elaborate.names.scope import Use
from gradc_compiler.graph.graph import Node
from gradc_compiler.graph.outputs import Tagged
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.shape import Reshape
from gradc_compiler.warnings.step_view import FoundWarning, Look, varies

OF_ONE = {  # over an axis of one number, and what it is then
    "softmax": "1", "log_softmax": "0", "cross_entropy": "0", "accuracy": "1",
}  # fmt: skip


def softmax_twice(look: Look) -> Iterator[FoundWarning]:
    """`cross_entropy` takes logits, and has a softmax of its own."""
    for use, inner in _uses_of("cross_entropy", look):
        if (before := look.results.get(inner)) is not None and before.name == "softmax":
            yield FoundWarning(
                span=use.span,
                message="`cross_entropy` takes logits, and this gives it a softmax",
                secondary=(Label(before.span, "a softmax already"),),
                hint="leave the softmax out: cross_entropy has one of its own",
            )


def squashed_twice(look: Look) -> Iterator[FoundWarning]:
    """`bce_logits` takes a logit, and has a sigmoid of its own."""
    for use, inner in _uses_of("bce_logits", look):
        before, node = look.results.get(inner), look.graph[inner]
        own = inner not in look.made_by and node.op.name == "sigmoid"
        name = before.name if before is not None else "sigmoid" if own else ""
        span = before.span if before is not None else node.span
        if name in ("sigmoid", "softmax") and span is not None:
            yield FoundWarning(
                span=use.span,
                message=f"`bce_logits` takes a logit, and this gives it a {name}",
                secondary=(Label(span, f"a {name} already"),),
                hint=f"leave the {name} out: bce_logits has a sigmoid of its own; "
                "bce takes probabilities",
            )


def _uses_of(name: str, look: Look) -> Iterator[tuple[Use, int]]:
    """Where a loss of the prelude is applied, and where its first input comes from."""
    for use in look.uses:
        first = use.inputs[0] if use.inputs else None
        if use.name == name and first is not None:
            yield use, look.source(first)


def outer_losses(look: Look) -> Iterator[FoundWarning]:
    """Two values of an example, compared in the train block, that make more than either has."""
    varying = look.graph.varying
    for node, span in look.own(look.reached):
        pair = [look.graph[i] for i in node.inputs]
        if not isinstance(node.op, Elementwise) or len(pair) != 2 or not _in_train(span, look):
            continue
        both = all(x.id in varying for x in pair)
        larger = all(node.type.size > x.type.size for x in pair)
        if both and larger and not any(_is_meant(x, look) for x in pair):
            first, second = (str(x.type) for x in pair)
            yield FoundWarning(
                span=span,
                message=f"{first} and {second} broadcast to {node.type}: every number of the one "
                "meets every number of the other",
                hint="give both one shape: as([...]) or reshape(...)",
            )


def _in_train(span: Span, look: Look) -> bool:
    """Whether a place is in the train block."""
    train = look.module.unit.trains[0].span
    return span.source is train.source and train.start <= span.start < train.end


def _is_meant(node: Node, look: Look) -> bool:
    """Whether an operand was brought into its shape right there."""
    return isinstance(node.op, Reshape) and node.span is not None and _in_train(node.span, look)


def constants(look: Look) -> Iterator[FoundWarning]:
    """A loss or a report that is the same number whatever the network does."""
    for name, id in look.shown.items():
        nodes = [look.graph[i] for i in look.graph.reachable([id])]
        what = f"`{name.about}`" if isinstance(name, Tagged) else "the loss"
        span = look.graph[id].span
        if span is not None and not any(varies(node) for node in nodes):
            message = f"{what} is constant: it depends on no data and no parameter"
            yield FoundWarning(span=span, message=message)
    yield from _of_one_class(look)


def _of_one_class(look: Look) -> Iterator[FoundWarning]:
    """A softmax, and what has one, of one number."""
    seen = look.graph.reachable(look.shown.values())
    for use in look.uses:
        first = use.inputs[0] if use.inputs else None
        if use.name in OF_ONE and first is not None and use.result in seen:
            shape = look.graph[first].type.shape
            if shape and shape[-1] == 1:
                yield FoundWarning(
                    span=use.span,
                    message=f"`{use.name}` of {look.graph[first].type} is always "
                    f"{OF_ONE[use.name]}: there is one class",
                    hint="one number for two classes is a logit: bce_logits(...)",
                )
