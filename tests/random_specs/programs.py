"""A whole random spec: models, data, a loss, a training block."""

from __future__ import annotations

import re
from itertools import count

from tests.random_specs import along_axes, forward_mode, sequences, tensors
from tests.random_specs.body import Body, Choose, Type, expression
from tests.random_specs.trials import head

OPTIMIZERS = [
    "sgd(lr = 0.01)", "sgd(lr = 2e-2), clip(norm = 1)", "momentum(lr = 0.01, beta = 0.8)",
    "nesterov(lr = 1e-2)", "rmsprop(lr = 1e-3)", "adagrad(lr = 1e-2)", "adam(lr = 1e-3)",
    "adamw(lr = 1e-3)", "sgd(lr = 0.01), clip(value = 0.1)", "sgd(lr = cosine(0.01, 5))",
    "adam(lr = warmup(1e-3, 3), beta1 = 0.5)", "sgd(lr = step_decay(0.1, 2, 0.5))",
]  # fmt: skip

ANCHORS = [  # something to train, whatever else there is; the second one's updates fill two threads
    "model anchor(x : scalar) -> scalar {\n    param a = 0.5\n    a * x\n}\n",
    "model anchor(x : scalar) -> scalar {\n"
    "    x |> as([1]) |> dense(203) |> tanh |> dense(41) |> tanh |> dense(1) |> as(scalar)\n}\n",
]


def inputs(body: Body) -> dict[str, Type]:
    """The fields of an example: a tensor, and perhaps a label and sequences."""
    fields = {"x": Type(body.sizes())}
    if body.choose(3) == 2:
        fields["label"] = Type((), 2 + body.choose(4))
    if body.choose(3):
        fields["xs"] = Type(body.sizes(1), time="xs")
        if body.choose(2):
            fields["ys"] = Type(body.sizes(1), time="xs")
        if body.choose(3) == 2:
            fields["cs"] = Type((), 2 + body.choose(3), time="cs")
    return fields


def declared(fields: dict[str, Type]) -> str:
    """Inputs as they are declared: a sequence of its own length does not say how long it is."""
    own = {name for name, type in fields.items() if type.time == name}
    return ", ".join(
        f"{name} : {'seq ' + str(type.element) if name in own else type}"
        for name, type in fields.items()
    )


def model(body: Body, name: str, fields: dict[str, Type]) -> Type:
    """A model of these inputs; the type of its result."""
    inner = Body(body.choose, "model", dict(fields), body.definitions, body.numbers)
    inner.depth = 2 + body.choose(3)
    type = Type(body.sizes(2))
    result = expression(inner, type)
    text = f"model {name}({declared(fields)}) -> {type} {{\n{inner.block(result)}}}\n"
    body.definitions.append(text)
    return type


def spec(choose: Choose) -> str:
    """The text of a random spec."""
    first, body = head(choose), Body(choose, "train", {}, [], count())
    fields = inputs(body)
    given = ", ".join(fields)
    names = ["f"] if choose(3) else ["f", "g"]
    types = {name: model(body, name, fields) for name in names}
    data = f'data d({declared(fields)}) = npz("none.npz")\n'
    lines = [f"{name}_out = {name}({given})" for name in names]
    losses = [f"sum(({name}_out - 0.3)^2)" for name in types]
    body.definitions.append(body.pick(ANCHORS))
    losses[0] += " + (anchor(1.0) - 1)^2"
    if len(names) == 2 and choose(2):
        steps = [
            f"step {name} {{\n        minimize {loss}\n"
            f"        using {body.pick(OPTIMIZERS)}\n    }}"
            for name, loss in zip(("one", "two"), (losses[0], " + ".join(losses)), strict=True)
        ]
        lines += steps
    else:
        lines += [f"minimize {' + '.join(losses)}", f"using {body.pick(OPTIMIZERS)}"]
        if choose(2):
            lines.append("report r = 2 * sum(f_out), q = max(f_out)")
    block = "".join(f"    {line}\n" for line in lines)
    text = "\n".join([*body.definitions, data, f"train on d {{\n{block}}}\n"])
    return first + (with_constants(text, choose) if choose(3) else text)


CONSTANTS = {  # what a number may be called, and where it stands
    "wide": r"dense\((41)\)",
    "rate": r"\blr = ([\d.e-]+)",
    "shift": r"_out - (0\.3)\)",
}


def with_constants(text: str, choose: Choose) -> str:
    """The same spec with some of its numbers as constants of the file, one made of another."""
    lets = list[str]()
    for name, place in CONSTANTS.items():
        found = re.search(place, text)
        if found is None or not choose(2):
            continue
        text = text[: found.start(1)] + name + text[found.end(1) :]
        if choose(2):
            lets += [f"let {name}_once = {found[1]}", f"let {name} = 1 * {name}_once"]
        else:
            lets.append(f"let {name} = {found[1]}")
    return "".join(f"{line}\n" for line in lets) + text


__all__ = ["along_axes", "forward_mode", "sequences", "spec", "tensors"]  # they file their rules
