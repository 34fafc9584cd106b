"""The syntax tree: what the author wrote, nothing more.

One page of frozen dataclasses; every node carries the span of its text.  The parser builds it,
the formatter prints it, `elaborate` gives it meaning.  No logic lives beside it.

A chain `x |> f : [3] |> g` is `Pipe(Claim(Pipe(x, f), [3]), g)`.
"""

from __future__ import annotations

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Anything with a place in the source."""

    span: Span


# Expressions


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Tree):
    """`10_000`, `1e-3`: the value, and the text as written."""

    value: int | float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Tree):
    """A quoted string, only ever an argument of a data source or an import path."""

    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dims(Tree):
    """`5x5`: sizes written as one word."""

    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Name(Tree):
    """A name; an updated state ends in a prime (`t'`)."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute(Tree):
    """`digit.conv1`."""

    base: Expr
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument(Tree):
    """`lr = 1e-3` or a bare value."""

    name: str | None
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Tree):
    """`f(a, b = c)`."""

    function: Expr
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice(Tree):
    """`a:b` inside an index; either end may be missing."""

    start: Expr | None
    stop: Expr | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Index(Tree):
    """`x[i, a:b]`."""

    base: Expr
    indices: tuple[Expr | Slice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unary(Tree):
    """`-x` or `not c`."""

    operator: str
    operand: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary(Tree):
    """`a + b`; operators: + - * / // % ^ @ < <= > >= == != and or."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditional(Tree):
    """`a if condition else b`, decided at compile time."""

    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class TupleOf(Tree):
    """`(a, b)`: two items or more, or none."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest(Tree):
    """`..s`: any number of leading sizes, bound to one name."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape(Tree):
    """`[28, 28, 1]`, as a type or as an argument."""

    sizes: tuple[Expr | Rest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractExpr(Tree):
    """`contract(y < oh, f : image[2*y + i, k] * W[f, i, k])`.

    Einstein's convention: an index that stands on no output axis is summed.  An output axis is a
    plain index or an affine position, with its size after `<` where it cannot be inferred.
    """

    axes: tuple[Expr, ...]
    factors: tuple[Index, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipe(Tree):
    """`left |> right`: application, or composition when left is a layer."""

    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Tree):
    """`value : type` in a chain: a checked claim."""

    value: Expr
    type: TypeExpr


Expr = (
    Number
    | Text
    | Dims
    | Name
    | Attribute
    | Call
    | Index
    | Unary
    | Binary
    | Conditional
    | TupleOf
    | Shape
    | ContractExpr
    | Pipe
    | Claim
)

# Types


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarType(Tree):
    """`scalar`, the same as `[]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameType(Tree):
    """`t`, a type bound by the argument; or `size`, `number`, `layer` for a setting."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassType(Tree):
    """`class(10)`: a label."""

    count: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class SeqType(Tree):
    """`seq [n]`, `seq(20) [k]`, `seq class(9)`."""

    length: Expr | None
    element: TypeExpr


@dataclass(frozen=True, slots=True, kw_only=True)
class Field(Tree):
    """One component of a tuple type: `mu : [2]`, or a bare type."""

    name: str | None
    type: TypeExpr


@dataclass(frozen=True, slots=True, kw_only=True)
class TupleType(Tree):
    """`(mu : [2], log_var : [2])`."""

    fields: tuple[Field, ...]


TypeExpr = ScalarType | NameType | ClassType | SeqType | TupleType | Shape

# Statements


@dataclass(frozen=True, slots=True, kw_only=True)
class Param(Tree):
    """`param W : [m, n] ~ glorot_uniform` or `param b : [m] = 0`; the name may be dotted."""

    name: str
    name_span: Span
    type: TypeExpr | None
    drawn: bool  # `~`, an initializer; else `=`, a value
    initial: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise(Tree):
    """`noise w : [2] ~ normal(0, 1)`: drawn for every example at every step."""

    name: str
    name_span: Span
    type: TypeExpr
    distribution: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class State(Tree):
    """One of `state m = 0, v : [c] = 0` (a statement with several gives several nodes)."""

    name: str
    name_span: Span
    type: TypeExpr | None
    initial: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class States(Tree):
    """`state m = 0, v = 0`."""

    entries: tuple[State, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign(Tree):
    """`a = e` or `a, b = e`."""

    targets: tuple[Name, ...]
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Update(Tree):
    """`m' = e`; the target's name is stored without its prime."""

    target: Name
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultStmt(Tree):
    """A bare expression: what the body gives."""

    value: Expr


# Clauses of `train` and `step`


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimize(Tree):
    """`minimize e`."""

    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Along(Tree):
    """`digit.W along dW`."""

    parameter: Expr
    direction: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Descend(Tree):
    """`descend digit.W along dW, digit.b along db`: the gradient written out, for `using`."""

    pairs: tuple[Along, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Over(Tree):
    """`over D, G.dense1`."""

    targets: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(Tree):
    """`batch 128`, `epochs 5`, inside `using` or on a line of its own."""

    name: str
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Using(Tree):
    """`using adam(lr = 1e-3), clip(norm = 5), batch 128`."""

    items: tuple[Expr | Setting, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Tree):
    """`report accuracy(digit(image), label), error = 1 - a`."""

    items: tuple[Argument, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Tree):
    """`step generator { ... }`."""

    name: str
    name_span: Span
    body: tuple[Statement, ...]


Clause = Minimize | Descend | Over | Using | Setting | Report | Step
Statement = Param | Noise | States | Assign | Update | ResultStmt | Clause

# Declarations


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(Tree):
    """One setting or input in a signature: `units : size`, `lr = 1e-3`, `x : [n]`, `p`."""

    name: str
    name_span: Span
    type: TypeExpr | None
    default: Expr | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition(Tree):
    """`layer dense(units : size)(x : [n]) -> [units] { ... }` and its kin.

    `kind` is layer, cell, model, function, initializer, regularizer, optimizer or schedule.
    With one parenthesised list it is the inputs; with two the first is the settings.
    An initializer has only settings (`initializer normal(mean = 0, std = 1) { ... }`).
    """

    kind: str
    name: str
    name_span: Span
    settings: tuple[Parameter, ...]
    inputs: tuple[Parameter, ...]
    result: TypeExpr | None
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivative(Tree):
    """`derivative f(x)(dx) because "straight through" { dx }`: how f moves when its inputs do.

    `reason` says why it is not the true derivative; None where it is.
    """

    name: str
    name_span: Span
    inputs: tuple[Parameter, ...]
    tangents: tuple[Parameter, ...]
    reason: str | None
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Import(Tree):
    """`import "blocks.nn"`, or `import residual, stem from "blocks.nn"`."""

    path: str
    names: tuple[Name, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Data(Tree):
    """`data digits(image : [28, 28, 1], label : class(10)) = digits()`."""

    name: str
    name_span: Span
    fields: tuple[Parameter, ...]
    source: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Train(Tree):
    """`train on digits { ... }`."""

    data: Name
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Let(Tree):
    """`let hidden = 64`: a constant of the file."""

    name: str
    name_span: Span
    value: Expr


Declaration = Definition | Derivative | Import | Data | Train | Let


@dataclass(frozen=True, slots=True, kw_only=True)
class File(Tree):
    """A whole `.nn` file."""

    declarations: tuple[Declaration, ...]
