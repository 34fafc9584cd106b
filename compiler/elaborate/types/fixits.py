"""How one common mistake is mended: hints that need a look at the program around it."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.names.values import (
    Builtin,
    Compound,
    Defined,
    Layer,
    StaticText,
    StaticValue,
)
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.syntax.grammar.check_tree import children
from gradc_compiler.syntax.grammar.tree import (
    Argument,
    Attribute,
    Binary,
    Call,
    Claim,
    Definition,
    Expr,
    Name,
    NameType,
    Number,
    Pipe,
    Rest,
    ScalarType,
    SeqType,
    Tree,
    TypeExpr,
)

Labels = list[tuple[Span, str]]
Sizes = Sequence[int]


def names_in(tree: Tree | None) -> dict[str, Span]:
    """The names an expression or a type uses, and where; `a.b` also as a whole."""
    found: dict[str, Span] = {}
    pending = [tree] if tree is not None else []
    for part in pending:
        if isinstance(part, Attribute):
            found.setdefault(part.span.text.replace(" ", ""), part.span)
        if isinstance(part, Name | NameType | Rest):
            found.setdefault(part.name, part.span)
        pending += children(part)
    return found


def size_of_result(name: str, definition: Definition) -> Span | None:
    """Where the result's type of a definition uses a name that nothing binds."""
    return names_in(definition.result).get(name)


def repair_claim(
    value: Expr, claimed: TypeExpr, wanted: Sizes | None, type: object
) -> tuple[Labels, str]:
    """The number in a chain that a wrong size comes from, and how the claim would hold."""
    actual = type.shape if isinstance(type, TensorType) else ()
    if isinstance(type, TensorType) and type.time is not None and wanted == actual:
        if isinstance(claimed, SeqType):
            return [], ""
        return [], ", or make one value of it: `|> last` or `|> time_mean`"
    if wanted == () and tuple(actual) == (1,):
        return [], ", or end with `|> as(scalar)`"
    stage = _last_sized(value)
    if stage is None or wanted is None or len(wanted) != len(actual) or not actual:
        return [], ""
    count = stage.arguments[0].value
    assert isinstance(count, Number), "a sized stage begins with a number"
    dots, called = ", ..." if len(stage.arguments) > 1 else "", stage.function.span.text
    if list(wanted[:-1]) == list(actual[:-1]) and count.value == actual[-1]:
        source = [(count.span, f"{actual[-1]} comes from here")]
        return source, f", or `{called}({wanted[-1]}{dots})`"
    stride = _stride(wanted, actual)
    if called == "conv" and stride is not None and "stride" not in _named(stage):
        return [], f", or `conv({count.value}{dots}, stride = {stride})`"
    return [], ""


def product_instead(value: Expr, wanted: Sizes | None, type: object) -> str:
    """The tail of a hint where `*` stands and a product of matrices may be meant."""
    actual = type.shape if isinstance(type, TensorType) else ()
    if not isinstance(value, Binary) or value.operator != "*" or len(wanted or ()) >= len(actual):
        return ""
    first, second = value.left.span.text, value.right.span.text
    return f", or `{first} @ {second}`: `*` multiplies number by number"


def _last_sized(value: Expr) -> Call | None:
    """The last stage of a chain that is called with a number; later bare names are skipped."""
    while True:
        match value:
            case Claim(value=inner) | Pipe(left=inner, right=Name()):
                value = inner
            case Pipe(right=Call(arguments=(Argument(name=None, value=Number()), *_)) as stage):
                return stage
            case _:
                return None


def _named(stage: Call) -> set[str | None]:
    return {argument.name for argument in stage.arguments}


def _stride(wanted: Sizes, actual: Sizes) -> int | None:
    """The stride that makes the sizes of rows and columns as they are wanted."""
    if wanted[-1] != actual[-1] or len(actual) < 2 or 0 in (*wanted, *actual):
        return None
    factor = -(-actual[0] // wanted[0])
    fits = all(-(-a // factor) == w for a, w in zip(actual[:-1], wanted[:-1], strict=True))
    return factor if fits and factor > 1 else None


def reshaped(wanted: TypeExpr, expected: object, type: object) -> str | None:
    """How to make a value of one type into one of another, where a single step does it."""
    if not isinstance(type, TensorType) or type.kind is Kind.INDEX:
        return None
    rank = rank_of(wanted, expected)
    if rank == 0 and type.shape == (1,):
        return "`|> as(scalar)` makes a number of a vector of one"
    if rank == 1 and type.rank == 0:
        return "`|> as([1])` makes a vector of a number"
    if rank == 1 and type.rank > 1 and fits(wanted, (type.size,)):
        return "`|> flatten` makes one axis of all; each(...) maps over the first"
    if rank == 3 and type.rank == 2 and fits(wanted, (*type.shape, 1)):
        return f"`|> as([{type.shape[0]}, {type.shape[1]}, 1])` gives it one channel"
    if rank == 3 and type.rank == 1 and isqrt(type.size) ** 2 == type.size:
        side = isqrt(type.size)
        if fits(wanted, (side, side, 1)):
            return f"`|> as([{side}, {side}, 1])` makes an image of it"
    return None


def fits(wanted: TypeExpr, shape: Sizes) -> bool:
    """Whether no written number of a shape stands against these sizes."""
    written = getattr(wanted, "sizes", ())
    return all(
        not isinstance(size, Number) or size.value == n
        for size, n in zip(written, shape, strict=False)
    )


def rank_of(wanted: TypeExpr, expected: object) -> int | None:
    """How many axes a type has, as far as it is known."""
    if isinstance(expected, TensorType):
        return expected.rank
    if isinstance(wanted, ScalarType):
        return 0
    return len(getattr(wanted, "sizes", ())) or None


def as_a_value(meaning: StaticValue) -> str | None:
    """A hint where a value is wanted and something else stands: what may have been meant."""
    match meaning:
        case Layer(defined=Defined(definition=definition)) | Defined(definition=definition):
            if definition.kind == "initializer":
                return f"`param W : [3] ~ {definition.name}` draws from it"
            written = meaning.span.text if isinstance(meaning, Layer) else definition.name
            return f"apply it: `x |> {written}`, where x is its input"
        case Compound():
            return "apply it: begin the chain with a value, `x |> ...`"
        case Builtin(name=name):
            return f"apply it: `{name}(...)`"
        case StaticText():
            return "texts are not compared; a setting may be a layer: `act(relu)`"
        case _:
            return None
