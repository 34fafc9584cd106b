"""Rules for numbers: arithmetic, shapes, reductions, labels, contractions, derivatives."""

from __future__ import annotations

from math import prod

from tests.random_specs.body import (
    SCALAR,
    Body,
    Shape,
    Type,
    anything,
    drawn,
    expression,
    replace_depth,
    rule,
    tensor,
)

SMOOTH = [
    "sin({})", "tanh({})", "cos({})", "sigmoid({})", "erf({})", "(-({}))", "exp(-({})^2)",
    "sqrt(({})^2 + 0.3)", "log(({})^2 + 0.3)", "log1p(({})^2)", "expm1(sin({}))", "softplus({})",
    "swish({})", "gelu({})", "identity({})", "(({})^3 / 4)", "((1.5 + sin({}))^1.7)",
    "(1e30 * (1e-30 * ({})))", "(({}) / 1e-25 / 1e25)", "(1e-39 * ({}))", "tanh(30 * ({}))",
    "(1e-18 * sqrt((1e16 * ({}))^2 + 1e31))", "lgamma(2.2 + sin({}))", "digamma(2.2 + sin({}))",
    "polygamma(1, 2.2 + sin({}))", "polygamma(2, 2.7 - cos({}))",
]  # fmt: skip
KINKED = [
    "abs({})",
    "relu({})",
    "({} |> leaky_relu(slope = 0.2))",
    "({} |> elu(alpha = 1.5))",
    "minimum({}, 0.371)",
]
STEPS = ["sign({})", "floor(3 * ({}))", "ceil(2 * ({}))", "stop_gradient({})"]
BINARY = [
    "({} + {})", "({} - {})", "({} * {})", "({} / (1.5 + sin({})))", "((1.5 + sin({}))^sin({}))",
    "maximum({}, {} + 0.1234)", "minimum({}, {} - 0.0717)",
]  # fmt: skip
MASKS = [  # a condition with a sign or a weight, beside what it cuts
    "(({} > 0.0931) * -1.5 * {})", "((2 * ({} > 0.0417) - 1) * {})", "(0.7 * ({} <= 0.21) + {})",
    "(where({} > 0.0713, -2, 0.5) * {})", "(({} > 0.0931) / -0.75 * {})",
]  # fmt: skip
CUT = [  # a slope that is infinite where a mask is 0
    "where({0} > 0.0931, sqrt({0} + full([], 0)), 0.25)",  # a tensor: of a number there is no root
    "(-2 * ({0} > 0.0931) * log(maximum({0}, 0.0931)))",
    "(0.5 * ({0} > 0.0931) * sqrt({0} * ({0} > 0.0931)))",
    "(-1 * ({0} > 0.0931) * (relu({0} - 0.0931))^0.5)",
]  # fmt: skip
JUMPS = [
    "({} > {})", "({} <= {})", "({} == {})", "({} // (1.5 + sin({})))", "({} % (1.5 + sin({})))",
]  # fmt: skip


@rule(anything)
def binary(body: Body, type: Type) -> str:
    """Two operands, one of which may have to be broadcast, or to be spread over a time."""
    text = body.pick(body.pick([BINARY, BINARY, BINARY, JUMPS, MASKS]))
    return text.format(expression(body, type), expression(body, narrower(body, type)))


def narrower(body: Body, type: Type) -> Type:
    """A type that broadcasts to this one."""
    shape, time = type.shape, type.time
    if body.choose(3) == 0:
        shape = shape[body.choose(len(shape) + 1) :]
        shape = tuple(1 if body.choose(4) == 0 else n for n in shape)
    return Type(shape, time=time if body.choose(3) else None)


@rule(anything)
def unary(body: Body, type: Type) -> str:
    return body.pick(SMOOTH if body.choose(3) else KINKED + STEPS).format(expression(body, type))


@rule(anything)
def shared(body: Body, type: Type) -> str:
    """A name that is used twice, also for what is known of it while the spec is compiled."""
    name = body.bind(expression(body, type), type)
    forms = [
        "({0} * sin({0}))", "({0} + {0})", "({0} - 0.5 * {0}^2)", "({0} * (rank({0}) - 0.5))",
        "({0} * size({0}) / 4)", "({0} + zeros(shape({0})))", "({0} * ones(shape({0})))",
    ]  # fmt: skip
    return body.pick(body.pick([forms, forms, CUT])).format(name)


@rule(anything)
def chosen(body: Body, type: Type) -> str:
    condition, a, b = (expression(body, t) for t in (type, type, narrower(body, type)))
    return f"where({condition} > 0.0931, {a}, {b})"


@rule(anything)
def known_now(body: Body, type: Type) -> str:
    """A choice that is made while the spec is compiled."""
    a, b = (body.bind(expression(body, type), type) for _ in range(2))
    return f"({a} if {body.pick(['training', '3 // 2 == 1', 'not (2 > 1)'])} else {b})"


@rule(lambda body, type: type.classes is None and body.alone)
def reduced(body: Body, type: Type) -> str:
    """A sum, mean, max or min over one axis, or over all of them."""
    word, size = body.pick(["sum", "mean", "max", "min"]), 1 + body.choose(4)
    if not type.shape:
        inner = Type(body.sizes(2), time=type.time)
        return f"{word}({untied(body, inner)})"
    axis = body.choose(len(type.shape) + 1)
    shape = (*type.shape[:axis], size, *type.shape[axis:])
    return f"{word}({untied(body, Type(shape, time=type.time))}, axis = {axis})"


def untied(body: Body, type: Type) -> str:
    """An expression no two numbers of which are equal, so that a greatest one has a derivative."""
    text, size = expression(body, type), prod(type.shape)
    if size > 31:
        return f"({text} + 0.0131 * reshape(iota({size}), {list(type.shape)}))"
    numbers = ", ".join(f"{0.013 * ((7 * k) % 31)}" for k in range(size))
    return f"({text} + tensor({numbers}, shape = {list(type.shape)}))" if type.shape else text


@rule(tensor)
def moved(body: Body, type: Type) -> str:
    """The same numbers elsewhere: reshape, transpose, broadcast, pad, concat, stack, a part."""
    shape, rank = type.shape, len(type.shape)
    ways = ["reshape"] + (["transpose", "concat", "pad", "part", "broadcast"] if rank else [])
    ways += ["stack"] if rank and shape[0] == 2 else []
    ways += ["iota"] if rank == 1 else []
    match body.pick(ways):
        case "reshape":
            return f"reshape({expression(body, Type(other_form(body, shape)))}, {list(shape)})"
        case "transpose":
            return f"transpose({expression(body, Type(shape[::-1]))})"
        case "broadcast":
            return f"broadcast({expression(body, Type(shape[1:]))}, {list(shape)})"
        case "iota":
            return f"(iota({shape[0]}) / 4)"
        case "stack":
            return (
                f"stack({expression(body, Type(shape[1:]))}, {expression(body, Type(shape[1:]))})"
            )
        case "concat" if shape[0] > 1:
            head = 1 + body.choose(shape[0] - 1)
            parts = [expression(body, Type((n, *shape[1:]))) for n in (head, shape[0] - head)]
            return f"concat({', '.join(parts)}, axis = 0)"
        case "pad" if all(n > 1 for n in shape):
            before = [body.choose(2) for _ in shape]
            inner = tuple(n - b for n, b in zip(shape, before, strict=True))
            ends = ", ".join(str(list(s)) for s in (before, [0] * rank))
            return f"pad({expression(body, Type(inner))}, {ends})"
        case _:
            start = body.choose(3)
            inner = expression(body, Type((start + shape[0] + body.choose(2), *shape[1:])))
            return f"({inner})[{start}:{start + shape[0]}]"


def other_form(body: Body, shape: Shape) -> Shape:
    """Another shape of as many numbers."""
    size = prod(shape)
    divisors = [n for n in range(1, size + 1) if size % n == 0]
    n = body.pick(divisors)
    return body.pick([(size,), (n, size // n), (1, n, size // n)])


@rule(lambda body, type: type.classes is None and len(type.shape) in (0, 1))
def picked(body: Body, type: Type) -> str:
    """One row, by a number or by a label; or a label as a vector."""
    rows = 1 + body.choose(4)
    ways = ["number", "take"] + (["one_hot"] if type.shape else ["classes"] * (not type.time))
    match body.pick(ways):
        case "number":
            table = expression(body, Type((rows, *type.shape), time=type.time))
            return f"({table})[{body.choose(rows)}]"
        case "classes":
            return f"(0.3 * classes({expression_of_labels(body, rows, None)}))"
        case "one_hot":
            label = expression_of_labels(body, type.shape[0], type.time)
            return f"one_hot({label}, {type.shape[0]})"
        case _:
            table = expression(body, Type((rows, *type.shape)))
            return f"take({table}, {expression_of_labels(body, rows, type.time)})"


def expression_of_labels(body: Body, classes: int, time: str | None) -> str:
    known = [n for n, t in body.names.items() if t == Type((), classes, time)]
    if known and body.choose(2):
        return body.pick(known)
    return f"argmax({expression(body, Type((classes,), time=time))})"


@rule(lambda body, type: tensor(body, type) and len(type.shape) >= 1)
def scattered(body: Body, type: Type) -> str:
    """Rows added up by the labels they have."""
    rows, count = type.shape[0], 1 + body.choose(4)
    labels = f"argmax({expression(body, Type((count, rows)))})"
    return f"scatter({expression(body, Type((count, *type.shape[1:])))}, {labels}, {rows})"


@rule(lambda body, type: tensor(body, type) and len(type.shape) in (1, 2))
def multiplied(body: Body, type: Type) -> str:
    inner = 1 + body.choose(5)
    a = expression(body, Type((*type.shape[:-1], inner)))
    b = expression(body, Type((inner, type.shape[-1])))
    return f"({a} @ {b})"


@rule(tensor)
def contracted(body: Body, type: Type) -> str:
    """A sum of products of one to four factors over affine indices.

    An index that is summed over gets its size from the first factor.
    """
    result, summed = "ijkl"[: len(type.shape)], "uv"[: body.choose(3)]
    extents = dict(zip(result, type.shape, strict=True)) | {s: 1 + body.choose(4) for s in summed}
    factors = []
    for number in range(1 + body.choose(4)):
        must = list(summed) if number == 0 else []
        letters = must + [x for x in extents if x not in must and body.choose(2)]
        positions = [position(body, x, extents, x in must) for x in letters[:3]]
        inner = replace_depth(body, 1 if number else 2)
        factor = expression(inner, Type(tuple(size for _, size in positions)))
        places = ", ".join(text for text, _ in positions) or "0"
        form = Type(tuple(size for _, size in positions) or (1,))
        factor = factor if positions else f"reshape({factor}, [1])"
        factors.append(f"{inner.bind(factor, form)}[{places}]")
    head = ", ".join(f"{x} < {n}" for x, n in zip(result, type.shape, strict=True))
    return f"contract({head} : {' * '.join(factors)})"


def position(body: Body, letter: str, extents: dict[str, int], plain: bool) -> tuple[str, int]:
    """Where a factor is read along an axis, and the size of that axis."""
    if plain or body.choose(2) == 0:
        return letter, extents[letter]
    other = body.pick(sorted(extents))
    forms = ["{0} + 1", "2*{0} - 1", "{0} + {1} - 1", "-{0} + 2", "{0} - {1}", "{0} + 0"]
    return body.pick(forms).format(letter, other), 1 + body.choose(6)


@rule(lambda body, type: tensor(body, type) and body.kind == "model" and body.alone)
def slope(body: Body, type: Type) -> str:
    """The derivative of a scalar by something of this type."""
    by = body.bind(f"{expression(replace_depth(body, 1), type)} + {drawn(body, type)}", type)
    of = expression(replace_depth(body, 2), SCALAR)
    return f"grad({of} * sum(sin({by})) + sum({by}^3) / 3, {by})"


@rule(lambda body, type: tensor(body, type) and body.kind == "model" and body.alone)
def across(body: Body, type: Type) -> str:
    return f"batch_mean({expression(body, type)})"
