"""`x[i, a:b]`: parts of a tensor, of a tuple, or rows of a table by a label.

A part at fixed places is a contraction with one operand; rows by a label are `take`.
"""

from __future__ import annotations

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.functions.arithmetic import to_value
from gradc_compiler.elaborate.functions.row_counts import require_rows
from gradc_compiler.elaborate.names.problems import require_sound
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import Sizes, StaticValue, is_number
from gradc_compiler.elaborate.types.show_types import describe
from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.types import Kind
from gradc_compiler.ops.contract import Affine, Contract, index
from gradc_compiler.ops.index import Take
from gradc_compiler.syntax.grammar.tree import Expr, Index, Slice

Chosen = tuple[int, int] | int  # start and size of a slice, or one position


def indexed(tree: Index, scope: Scope) -> StaticValue:
    """The meaning of `base[indices]`."""
    base = scope.evaluate(tree.base)
    places = [_place(i, scope) for i in tree.indices]
    require_sound(base, *places)
    if isinstance(base, tuple):
        return _of_tuple(base, places, tree, scope)
    x = to_value(base, scope, tree.base.span)
    if places and isinstance(places[0], Value):
        x, places, skip = *_rows(x, places, tree, scope), len(places[0].shape)
    else:
        skip = 0
    if len(places) > len(x.shape) - skip:
        raise scope.fault(
            "E0307", f"{x.type} has {len(x.shape)} axes, {len(tree.indices)} are indexed", tree.span
        )
    whole = [(0, n) for n in x.shape[:skip]]
    chosen: list[Chosen] = [*whole]
    spans = [i.span for i in tree.indices[-len(places) :]] if places else []
    for axis, (place, span) in enumerate(zip(places, spans, strict=True), start=skip):
        chosen.append(_choose(place, x.shape[axis], span, scope))
    return select(x, [*chosen, *((0, n) for n in x.shape[len(chosen) :])])


def _place(part: Expr | Slice, scope: Scope) -> StaticValue:
    if not isinstance(part, Slice):
        return scope.evaluate(part)
    ends = [None if e is None else scope.evaluate(e) for e in (part.start, part.stop)]
    require_sound(*(e for e in ends if e is not None))
    for end, tree in zip(ends, (part.start, part.stop), strict=True):
        if end is not None and not isinstance(end, int):
            assert tree is not None, "an end with a meaning was written"
            raise scope.fault(
                "E0307", f"a slice goes from and to whole numbers, not {describe(end)}", tree.span
            )
    return slice(*ends)


def _of_tuple(
    base: tuple[StaticValue, ...], places: list[StaticValue], tree: Index, scope: Scope
) -> StaticValue:
    place = places[0] if len(places) == 1 else None
    if isinstance(place, slice):
        _inside(place, len(base), tree.indices[0].span, scope)
        return type(base)(base[place]) if isinstance(base, Sizes) else base[place]
    if not isinstance(place, int) or not -len(base) <= place < len(base):
        raise scope.fault(
            "E0307", f"this has {len(base)} parts, counted from 0", tree.indices[0].span
        )
    return base[place]


def _rows(
    table: Value, places: list[StaticValue], tree: Index, scope: Scope
) -> tuple[Value, list[StaticValue]]:
    if places[0].type.kind is not Kind.INDEX:
        raise scope.fault(
            "E0307",
            f"an index is a number known now or a label, not {places[0].type}",
            tree.indices[0].span,
            hint="declare the field as class(k)",
        )
    if table.shape:
        require_rows(places[0], table.shape[0], table, tree.span, scope)
    return scope.run.builder.add(Take(), table, places[0]), places[1:]


def _inside(place: slice, size: int, span: Span, scope: Scope) -> tuple[int, int]:
    """Where a slice starts and stops; E0307 where either is outside."""
    for what, end in (("starts", place.start), ("ends", place.stop)):
        if end is not None and not -size <= end <= size:
            raise scope.fault("E0307", f"the slice {what} at {end}, the axis at {size}", span)
    start, stop, _ = place.indices(size)
    return start, stop


def _choose(place: StaticValue, size: int, span: Span, scope: Scope) -> Chosen:
    if isinstance(place, slice):
        start, stop = _inside(place, size, span, scope)
        return start, max(stop - start, 0)
    if not is_number(place) or place != int(place):
        raise scope.fault(
            "E0307", f"an index is a whole number or a slice, not {describe(place)}", span
        )
    if not -size <= place < size:
        raise scope.fault("E0307", f"index {place} is outside an axis of size {size}", span)
    return int(place) % size


def select(x: Value, chosen: list[Chosen]) -> Value:
    """The chosen part of each axis; single positions drop theirs."""
    if all(c == (0, n) for c, n in zip(chosen, x.shape, strict=True)):
        return x
    extents: list[int] = []
    source: list[Affine] = []
    for choice in chosen:
        if isinstance(choice, int):
            source.append(Affine((), choice))
        else:
            source.append(Affine(((len(extents), 1),), choice[0]))
            extents.append(choice[1])
    result = tuple(index(j) for j in range(len(extents)))
    return x.builder.add(Contract(tuple(extents), (tuple(source),), result, tuple(extents)), x)
