"""Habits of other frameworks that compile here and mean something else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gradc_compiler.diagnostics.source import Label, Span
from gradc_compiler.elaborate import Module
from gradc_compiler.graph.outputs import Role, of_role
from gradc_compiler.ops.leaf import Constant, Input
from gradc_compiler.warnings.step_view import FoundWarning, Look

OF_IMAGES = ("conv", "max_pool", "avg_pool")
FEW, MANY = (1, 3, 4), 8  # channels, and pixels along an edge
BATCH = 32  # where the spec says nothing
SQUASHED = {
    "sigmoid": "numbers between 0 and 1 cannot say that a class is sure",
    "relu": "it cuts off what speaks against a class",
    "dropout": "it makes some of the logits 0 in training",
}
LARGEST = {"sgd": 10.0, "momentum": 10.0, "nesterov": 10.0}  # rates
OF_ITS_SIZE = 0.999  # where an update is about as large as the rate
RATE = re.compile(r"^(\w+)\(lr = ([0-9.e+-]+)")


def channels_first(look: Look) -> Iterator[FoundWarning]:
    """`conv` of an image [3, 32, 32]: channels are the last axis here."""
    for use in look.uses:
        first = use.inputs[0] if use.inputs else None
        if use.name not in OF_IMAGES or first is None:
            continue
        node = look.graph[look.source(first)]
        shape = node.type.shape
        if not isinstance(node.op, Input) or len(shape) != 3 or shape[0] not in FEW:
            continue
        if shape[1] == shape[2] >= MANY:
            channels, height, width = shape
            last = f"[{height}, {width}, {channels}]"
            yield FoundWarning(
                span=use.span,
                message=f"`{use.name}` takes [height, width, channels], and this image of"
                f" {list(shape)} has {width} channels and {channels} rows",
                hint=f"declare {last} if the data are so, or turn them: transpose(x, (1, 2, 0))",
            )


def batch_axis(module: Module) -> Iterator[FoundWarning]:
    """Fields that all begin with the size of a batch: there is no axis of examples here."""
    for source in module.data if module.train else ():
        batch = int(module.train.settings.get("batch", BATCH)) if module.train else BATCH
        shapes = [type.shape for _, type in source.fields]
        fields = module.unit.data[source.name].fields
        if len(shapes) > 1 and all(shape and shape[0] == batch for shape in shapes):
            yield FoundWarning(
                span=fields[0].span,
                message=f"all fields begin with {batch}, the size of a batch",
                hint=f"leave it out: everything is said of one example, and `batch {batch}` in"
                " `train` says how many at a time",
            )


def squashed_logits(look: Look) -> Iterator[FoundWarning]:
    """`cross_entropy` of what a sigmoid, a relu or a dropout has changed."""
    for use in look.uses:
        first = use.inputs[0] if use.inputs else None
        if use.name != "cross_entropy" or first is None:
            continue
        inner = look.source(first)
        before = look.results.get(inner)
        name = before.name if before is not None else look.graph[inner].op.name
        span = before.span if before is not None else look.graph[inner].span
        if name in SQUASHED and span is not None:
            yield FoundWarning(
                span=use.span,
                message=f"`cross_entropy` takes logits of any size, and this gives it those of a"
                f" {name}: {SQUASHED[name]}",
                secondary=(Label(span, "the last stage"),),
                hint=f"end the network without {name}",
            )


def large_rates(look: Look) -> Iterator[FoundWarning]:
    """A learning rate with which nothing is learnt."""
    found = RATE.match(look.step.using)
    span = look.step.rules.span
    if found is None or span is None:
        return
    name, rate = found[1], float(found[2])
    most = LARGEST.get(name, OF_ITS_SIZE)
    if rate > most:
        moved = f"an update of {name} moves every parameter by about {rate:g}"
        far = f"{rate:g} times the gradient is far more than a network stands"
        yield FoundWarning(
            span=span,
            message=f"a rate of {rate:g}: {far if name in LARGEST else moved}",
            hint=f"rates are about {'0.01 to 0.1' if name in LARGEST else '0.001'}",
        )


def dead_parameters(look: Look) -> Iterator[FoundWarning]:
    """Parameters that no gradient reaches: behind floor, argmax or stop_gradient."""
    if look.step.descends:
        return
    gradients = of_role(Role.GRADIENT, look.graph.results)
    layers: dict[Span, list[str]] = {}
    for spec in look.module.parameters:
        if spec.name in gradients:
            layers.setdefault(spec.span, []).append(spec.name)
    for span, names in layers.items():
        if all(_is_zero(look, gradients[name]) for name in names):  # a bias alone may cancel out
            yield FoundWarning(
                span=span,
                message=f"no gradient reaches `{names[0]}`: its derivative is always 0",
                hint="floor, argmax, comparisons and stop_gradient pass nothing on; leave it out of"
                " `over`, or change what stands behind it",
            )


def _is_zero(look: Look, id: int) -> bool:
    """Whether a value is 0 whatever the data are."""
    node = look.graph[look.source(id)]
    if isinstance(node.op, Constant):
        return node.op.value == 0
    known = look.bounds(id)
    return known.low == 0 == known.high
