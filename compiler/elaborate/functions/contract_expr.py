"""`contract(y < oh, f : image[2*y + i, k] * W[f, i, k])`: the contraction, written out.

Index names are local to it.  An index that stands on no output axis is summed over.  Its size comes
from an axis that it indexes alone, or from the output axis (`y < oh`); two sources must agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.functions.arithmetic import to_value
from gradc_compiler.elaborate.names.problems import require_sound
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import is_number
from gradc_compiler.elaborate.types.sizes import size_of
from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.types import Kind
from gradc_compiler.ops.contract import Affine, Map
from gradc_compiler.ops.contract import Contract as Contraction
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.tree import (
    Binary,
    ContractExpr,
    Expr,
    Index,
    Name,
    Number,
    Slice,
    Unary,
)

Position = tuple[dict[str, int], int]  # coefficient of each index, and the offset


@dataclass
class IndexLoops:
    """The indices of one contraction and what is known of their sizes."""

    scope: Scope
    names: list[str] = field(default_factory=list)
    sizes: dict[str, tuple[int, Span, str]] = field(default_factory=dict)

    def affine(self, position: Position) -> Affine:
        """A position by loop numbers."""
        terms = sorted((self.names.index(n), c) for n, c in position[0].items() if c != 0)
        return Affine(tuple(terms), position[1])

    def claim(self, name: str, size: int, span: Span, why: str) -> None:
        """Note a size; E0303 if another source says otherwise."""
        known = self.sizes.setdefault(name, (size, span, why))
        if known[0] != size:
            raise self.scope.fault(
                "E0303",
                f"index `{name}` runs over {known[0]} in one place and {size} in another",
                span,
                why,
                secondary=[(known[1], known[2])],
            )


def contracted(tree: ContractExpr, scope: Scope) -> Value:
    """The meaning of `contract(...)`."""
    bases = [scope.evaluate(f.base) for f in tree.factors]
    require_sound(*bases)
    factors = [to_value(b, scope, f.base.span) for b, f in zip(bases, tree.factors, strict=True)]
    loops = IndexLoops(scope)
    local = _index_names(tree, scope)
    axes = [_axis(axis, loops, local) for axis in tree.axes]
    maps = [_factor(f, x, loops, local) for f, x in zip(tree.factors, factors, strict=True)]
    extents = tuple(_extent(name, tree, loops) for name in loops.names)
    result, shape = [], []
    for position, size, axis in axes:
        affine = loops.affine(position)
        result.append(affine)
        shape.append(_axis_size(affine, size, extents, axis, scope))
    operands = tuple(tuple(map(loops.affine, m)) for m in maps)
    for m, factor, x in zip(operands, tree.factors, factors, strict=True):
        _check_constant_places(m, factor, x, scope)
    op = Contraction(extents, operands, tuple(result), tuple(shape))
    return scope.run.builder.add(op, *factors)


def _index_names(tree: ContractExpr, scope: Scope) -> set[str]:
    """Names that stand alone as an axis, and names that mean no number here."""
    positions = [_without_size(axis) for axis in tree.axes]
    found = {position.name for position in positions if isinstance(position, Name)}
    for place in (place for factor in tree.factors for place in factor.indices):
        new = {n for n in _names(place) if not is_number(scope.names.get(n))} - found
        for name in sorted(new):
            _refuse_label(name, place, scope)
        found |= new
    for position in positions:
        found.update(n for n in _names(position) if not is_number(scope.names.get(n)))
    return found


def _without_size(axis: Expr) -> Expr:
    """The left side of `position < size`; any other axis as it is."""
    return axis.left if isinstance(axis, Binary) and axis.operator == "<" else axis


def _refuse_label(name: str, place: Expr | Slice, scope: Scope) -> None:
    """Refuse `table[label, i]`: meant as one row, it would be a sum over all rows."""
    meaning = scope.names.get(name)
    if isinstance(meaning, Value) and meaning.type.kind is Kind.INDEX:
        raise scope.fault(
            "E0307",
            f"`{name}` : {meaning.type} is no index of a contraction",
            place.span,
            hint=f"take the row before, as in `table[{name}][i]`; an index needs a name of its own",
        )


def _names(tree: Expr | Slice) -> Iterator[str]:
    match tree:
        case Name(name=name):
            yield name
        case Binary(left=left, right=right):
            yield from _names(left)
            yield from _names(right)
        case Unary(operand=operand):
            yield from _names(operand)


def _axis(axis: Expr, loops: IndexLoops, local: set[str]) -> tuple[Position, int | None, Expr]:
    """An output axis: its position, and its size where `<` gives it."""
    if isinstance(axis, Binary) and axis.operator == "<":
        size = size_of(axis.right, loops.scope)
        position = _position(axis.left, loops, local)
        if isinstance(axis.left, Name):
            loops.claim(axis.left.name, size, axis.span, f"{size} here")
        return position, size, axis
    return _position(axis, loops, local), None, axis


def _factor(tree: Index, x: Value, loops: IndexLoops, local: set[str]) -> list[Position]:
    if len(tree.indices) != len(x.shape):
        raise loops.scope.fault(
            "E0303",
            f"`{tree.base.span.text}` : {x.type} has {len(x.shape)} axes, "
            f"{len(tree.indices)} are indexed",
            tree.span,
        )
    positions = []
    for place, size in zip(tree.indices, x.shape, strict=True):
        positions.append(_position(place, loops, local))
        if isinstance(place, Name) and place.name in local:
            loops.claim(place.name, size, place.span, f"an axis of {size}")
    return positions


def _position(tree: Expr | Slice, loops: IndexLoops, local: set[str]) -> Position:
    """A position as coefficients and offset; E0304 where it is not affine."""
    match tree:
        case Number(value=int(value)):
            return {}, value
        case Name(name=name) if name in local:
            if name not in loops.names:
                loops.names.append(name)
            return {name: 1}, 0
        case Unary(operator="-", operand=operand):
            return _scaled(_position(operand, loops, local), -1)
        case Binary(operator="+" | "-" as sign, left=left, right=right):
            a, b = _position(left, loops, local), _position(right, loops, local)
            return _added(a, _scaled(b, 1 if sign == "+" else -1))
        case Binary(operator="*", left=left, right=right):
            a, b = _position(left, loops, local), _position(right, loops, local)
            if not a[0] or not b[0]:
                return _scaled(b, a[1]) if not a[0] else _scaled(a, b[1])
        case Slice():
            pass
        case _ if not any(name in local for name in _names(tree)):
            return {}, _whole(tree, loops.scope)
    raise loops.scope.fault(
        "E0304", "a position is a sum of indices times whole numbers", tree.span
    )


def _whole(tree: Expr, scope: Scope) -> int:
    meaning = scope.evaluate(tree)
    require_sound(meaning)
    if not is_number(meaning) or meaning != int(meaning):
        raise scope.fault("E0304", "a position is a sum of indices times whole numbers", tree.span)
    return int(meaning)


def _scaled(a: Position, factor: int) -> Position:
    return {name: c * factor for name, c in a[0].items()}, a[1] * factor


def _added(a: Position, b: Position) -> Position:
    return {n: a[0].get(n, 0) + b[0].get(n, 0) for n in {**a[0], **b[0]}}, a[1] + b[1]


def _extent(name: str, tree: ContractExpr, loops: IndexLoops) -> int:
    if name in loops.sizes:
        return loops.sizes[name][0]
    raise loops.scope.fault(
        "E0304",
        f"the size of index `{name}` is not given by any axis that it indexes alone",
        next((axis.span for axis in tree.axes if name in _names(axis)), tree.span),
        hint=f"write `{name} < size` where it stands on the left",
    )


def _axis_size(
    affine: Affine, size: int | None, extents: tuple[int, ...], axis: Expr, scope: Scope
) -> int:
    if size is not None:
        return size
    if affine.plain is not None:
        return extents[affine.plain]
    raise scope.fault(
        "E0304",
        "the size of this axis cannot be inferred",
        axis.span,
        hint=f"write `{axis.span.text} < size`",
    )


def _check_constant_places(places: Map, factor: Index, x: Value, scope: Scope) -> None:
    """A place that no index moves must lie inside: elsewhere reading outside means 0."""
    for affine, tree, size in zip(places, factor.indices, x.shape, strict=True):
        if not affine.terms and not 0 <= affine.offset < size:
            raise scope.fault(
                "E0307",
                f"`{tree.span.text}` is the number {affine.offset} here, "
                f"outside an axis of size {size}",
                tree.span,
                hint="an index needs a letter of its own",
            )
