"""Rules for sequences, recurrences, and definitions that are made on the way."""

from __future__ import annotations

from dataclasses import replace

from tests.random_specs.body import Body, Type, anything, expression, replace_depth, rule, tensor


def has_times(body: Body, type: Type) -> bool:
    return tensor(body, type) and body.alone and bool(body.times())


@rule(has_times, weight=8)
def ended(body: Body, type: Type) -> str:
    """A sequence reduced to one value."""
    inner = expression(body, type.over(body.pick(body.times())))
    words = ["last", "first", "time_sum", "time_mean", "time_max"]
    word = body.pick(words)
    if word == "time_max":  # of an empty one it is 0, and of equal ones it has a kink
        return f"time_max({inner} + 0.01 * position({inner}))"
    return f"{word}({inner})" if word != "time_sum" else f"(0.2 * time_sum({inner}))"


@rule(lambda body, type: type.classes is None and type.time is not None and body.alone)
def along(body: Body, type: Type) -> str:
    """A sequence made of others of its length."""
    inner = expression(body, type)
    ways = ["reverse({})", "before({})", "before({}, start = 0.5)", "(0.3 * position({}))"]
    if type.shape:
        ways.remove("(0.3 * position({}))")
        ways += ["({} + position({}))", "({} - length({}))", "at_end(last({}), {})"]
    return body.pick(ways).replace("{}", inner)


@rule(lambda body, type: type.classes is None and type.time is not None and body.alone, weight=5)
def one_after_another(body: Body, type: Type) -> str:
    """A recurrence: a cell that is made for it, or one of the prelude, or written out."""
    time, shape = type.time, type.shape
    read = Type(body.sizes(1), time=time)
    inner = expression(body, read)
    if len(shape) == 1 and len(read.shape) == 1 and body.choose(2):
        cell = body.pick([f"{w}({shape[0]})" for w in ("elman", "gru", "lstm", "gru_reset_after")])
        settings = body.pick(["", ", backwards = true"])
        name = body.bind(inner, read)
        forms = ["scan({0})", "scan({0})", "checkpoint(scan({0}))"]
        if shape[0] % 2 == 0 and not settings:
            half = cell.replace(str(shape[0]), str(shape[0] // 2))
            forms += [f"both({half}, {half})"]
        return f"({name} |> {body.pick(forms).format(cell + settings)})"
    if body.choose(2):
        return f"({inner} |> scan({cell_of(body, type.element, read.element)}))"
    name, h = body.bind(inner, read), body.name("h")
    backwards = body.pick(["", ", backwards = true"])
    start = f"zeros({list(shape)})" if shape else "0.5"
    body.lines.append(f"{h} = previous({start}, {name}{backwards})")
    body.names[h] = type
    present = replace(replace_depth(body, 2), alone=False)  # later steps are not known yet
    step = expression(present, type)
    body.lines.append(f"{h}' = 0.5 * tanh({step}) + 0.3 * {h}")
    return f"{h}'"


def cell_of(body: Body, state: Type, read: Type) -> str:
    """A cell of its own, from a state and an input to the next state."""
    name = body.name("cell")
    inner = body.within("cell", {"s": state, "x": read})
    inner.depth = 2
    result = f"tanh({expression(inner, state)}) - 0.4 * s"
    body.definitions.append(
        f"cell {name}(s : {state}, x : {read}) -> {state} {{\n{inner.block(result)}}}\n"
    )
    return name


@rule(lambda body, type: type.classes is None and bool(type.time) and body.alone)
def together(body: Body, type: Type) -> str:
    """Two sequences of one length step by step, or a row for each place of a sequence."""
    assert type.time is not None
    inner = body.bind(expression(body, type), type)
    if body.choose(2):
        rows = Type((body.pick([9, 9, 9, 41]), *type.shape))  # no sequence will be longer
        return f"({inner} + take({expression(replace_depth(body, 1), rows)}, place({inner})))"
    pair, other = body.name("p"), expression(replace_depth(body, 1), type)
    body.lines.append(f"{pair} = zip({inner}, {other})")
    return f"({pair}[0] - 0.5 * {pair}[1])"


@rule(lambda body, type: tensor(body, type) and body.alone and len(type.shape) == 1)
def unfolded(body: Body, type: Type) -> str:
    """A few steps with one input, and what is left of them."""
    read = Type(body.sizes(1))
    inner, steps = expression(body, read), 1 + body.choose(4)
    cell = cell_of(body, type, read)
    return f"({body.pick(['last', 'time_mean', 'time_sum'])}({inner} |> unfold({steps}, {cell})))"


@rule(lambda body, type: tensor(body, type) and body.alone and len(type.shape) == 2)
def by_rows(body: Body, type: Type) -> str:
    """The rows of a matrix as a sequence, and back."""
    name = body.bind(expression(body, type), type)
    word = body.pick(["tanh", "dense({0})", "scan(elman({0}))", "layer_norm"])
    return f"from_rows(rows({name}) |> {word.format(type.shape[1])})"


@rule(lambda body, type: anything(body, type) and body.kind != "function" and bool(type.shape))
def layered(body: Body, type: Type) -> str:
    """A layer of the prelude, alone, repeated, or used twice."""
    *outer, n = type.shape
    size = 1 + body.choose(4)
    if outer:
        source = body.bind(expression(body, type), type)
        words = ["layer_norm", "softmax", "log_softmax"]
        if type.time is None:
            words += [f"each(dense({n}))"] if len(outer) == 1 else []
            words += ["(dropout(0.3))", "batch_norm"] if body.kind == "model" else []
        return f"({source} |> {body.pick(words)})"
    source = body.bind(
        expression(body, Type((size,), time=type.time)), Type((size,), time=type.time)
    )
    way = body.choose(4)
    if way == 0:
        return f"({source} |> dense({n}))"
    if way == 1:
        return f"({source} |> dense({n}) |> repeat(2, dense({n}) |> tanh))"
    if way == 2:
        layer = body.name("f")
        body.lines.append(f"{layer} = dense({n}) |> tanh")
        return f"({layer}({source}) + {layer}(sin({source})))"
    return f"({source} |> {defined(body, n)})"


def defined(body: Body, n: int) -> str:
    """A layer of its own, for inputs of any size."""
    name = body.name("layer")
    inner = body.within("layer", {})
    inner.alone = False
    inner.names["y"] = Type((n,))
    result = expression(inner, Type((n,)))
    head = ["param W : [units, n] ~ glorot_uniform", "y = W @ x"]
    lines = [*head, *inner.lines, f"0.1 * y + {result}"]
    text = "".join(f"    {line}\n" for line in lines)
    body.definitions.append(
        f"layer {name}(units : size, rate = 0.5)(x : [n]) -> [units] {{\n{text}}}\n"
    )
    return f"{name}({n}, rate = 0.25)"


@rule(lambda body, type: tensor(body, type) and len(type.shape) == 3 and body.kind != "function")
def pictured(body: Body, type: Type) -> str:
    """A convolution or a pooling of an image."""
    h, w, c = type.shape
    ways = [
        (type, f"conv({c}, 3x3)"), ((h, w, 2), f"conv({c}, 2x3, dilation = 1)"),
        ((2 * h, 2 * w, 3), f"conv({c}, 3x3, stride = 2)"),
        ((h + 1, w + 1, c), f"conv({c}, 2x2, pad = valid, groups = {c})"),
        ((2 * h, 2 * w, c), "avg_pool(2x2)"), ((h, w, c), "avg_pool(3x3, stride = 1, pad = same)"),
    ]  # fmt: skip
    if h % 2 == w % 2 == 0:
        ways.append(((h // 2, w // 2, 2), f"conv_transpose({c}, 3x3, stride = 2)"))
    inner, layer = body.pick(ways)
    source = inner if isinstance(inner, Type) else Type(inner)
    return f"({expression(body, source)} |> {layer})"


@rule(lambda body, type: tensor(body, type) and body.kind == "model" and body.alone)
def remembered(body: Body, type: Type) -> str:
    """A state, which moves towards a mean over the examples."""
    name = body.name("s")
    body.lines.append(f"state {name} : {type} = {body.pick(['0', '0.5', '2 * 3 - 5.5'])}")
    new = expression(replace_depth(body, 1), type)
    body.lines.append(f"{name}' = 0.9 * {name} + 0.1 * batch_mean({new})")
    return body.pick([f"{name}'", name])


@rule(lambda body, type: tensor(body, type) and body.kind != "function")
def called(body: Body, type: Type) -> str:
    """A function of its own, of a tuple's parts."""
    name, other = body.name("function"), Type(body.sizes(2))
    inner = body.within("function", {"a": type, "b": other})
    inner.alone = False
    parts = expression(inner, type), expression(inner, other)
    body.definitions.append(
        f"function {name}(a : {type}, b : {other}) -> (first : {type}, second : {other}) {{\n"
        + inner.block(f"({parts[0]}, {parts[1]})")
        + "}\n"
    )
    p = body.name("p")
    body.lines.append(f"{p} = {name}({expression(body, type)}, {expression(body, other)})")
    return f"({p}.first + sum({p}.second))"
