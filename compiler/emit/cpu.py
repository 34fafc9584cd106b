"""A loop nest as the source of one CPU kernel.

Names are numbered: `x0` is a pointer, `v1` a value, `i0` a loop, so nothing the author wrote
reaches the source but inside comments.  Extents and strides are read from `geometry`; only a stride
of 0 or 1 in the innermost loop is written out, because that is what lets LLVM vectorise.  Two nests
with the same text share one compiled kernel.
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.emit.lines import Lines, read, renumbered, written
from compiler.schedule.nest import RANGE, Access, Nest, Store

NARROW, LANES = 64, 16  # iterations, and those of the widest vector
START = {Store.SUM: "real(0.0)", Store.SUM_ADD: "real(0.0)", Store.MAX: "real(-1e999)"}


@dataclass(frozen=True, slots=True)
class Emitted:
    """Source of a kernel, its pointers in order, and its geometry."""

    source: str
    pointers: tuple[Access, ...]
    geometry: tuple[int, ...]


class _Writer(Lines):
    """A place is `x0[...]`, with x0 a pointer."""

    def pointer(self, access: Access) -> str:
        """The pointer of a place; the same place has one pointer, so that LLVM knows it.

        What two pointers lead to lies apart, and LLVM is told so.  Rows of another step have a
        pointer of their own: no kernel writes them.
        """
        for k, known in enumerate(self.pointers):
            same = (known.storage, known.offset, known.index) == (
                access.storage,
                access.offset,
                access.index,
            )
            if same and known.row == access.row:
                return f"x{k}"
        self.pointers.append(access)
        return f"x{len(self.pointers) - 1}"


def emit_nest(nest: Nest) -> Emitted:
    """Write a merged nest."""
    w = _Writer()
    places = {id(a): _address(w, nest, a) for a in nest.accesses()}
    inner = next((j for j, loop in enumerate(nest.loops) if loop.reduces), len(nest.loops))
    in_register = [(v, a, s) for v, a, s in nest.stores if s in START]
    body = _Body(w, nest, places, set())
    for level in range(len(nest.loops) + 1):
        if level == inner and in_register:
            for k, (_, _, store) in enumerate(in_register):
                w.line(f"r{k} = {START[store]}")
        body.loads_at(level)
        if level < len(nest.loops):
            _open(w, nest, level)
    for statement in nest.statements:
        w.line(statement)
    _finish(w, nest, places, inner, in_register)
    return Emitted(_assemble(w), tuple(w.pointers), tuple(w.geometry))


@dataclass
class _Body:
    writer: _Writer
    nest: Nest
    places: dict[int, str]
    loaded: set[int]

    def loads_at(self, level: int) -> None:
        """Loads that no deeper loop moves."""
        for k, (variable, access) in enumerate(self.nest.loads):
            if k not in self.loaded and access.depth() <= level:
                self.loaded.add(k)
                self.writer.line(f"{variable} = {read(variable, access, self.places[id(access)])}")


def _open(w: _Writer, nest: Nest, level: int) -> None:
    loop = nest.loops[level]
    if loop.extent == RANGE:
        scale = "" if loop.scale == 1 else f" * {w.number(loop.scale)}"
        w.line(f"for i{level} in range(begin{scale}, end{scale}):")
    else:
        innermost = level == len(nest.loops) - 1
        loops = "narrow" if innermost and is_narrow(loop.extent) else "range"
        w.line(f"for i{level} in {loops}({w.number(loop.extent)}):")
    w.depth += 1


def is_narrow(extent: int) -> bool:
    """Whether a loop is worth a mask for what does not fill a vector: it has few vectors."""
    return 1 < extent < NARROW and extent % LANES != 0


def _address(w: _Writer, nest: Nest, access: Access) -> str:
    """`x0[i0 * g3 + i1]`."""
    pointer, last = w.pointer(access), len(nest.loops) - 1
    terms = []
    for level, move in enumerate(access.moves):
        if move == 0:
            continue
        row = access.row if nest.loops[level].extent == RANGE else None
        unit = level == last and move == 1
        counter = row or f"i{level}"
        terms.append(counter if unit else f"{counter} * {w.number(move)}")
    return f"{pointer}[{' + '.join(terms) or '0'}]"


def _finish(
    w: _Writer,
    nest: Nest,
    places: dict[int, str],
    inner: int,
    in_register: list[tuple[str, Access, Store]],
) -> None:
    for variable, access, store in nest.stores:
        target = places[id(access)]
        value = written(variable, access)
        if store is Store.SET:
            w.line(f"{target} = {value}")
        elif store is Store.ADD:
            w.line(f"{target} = {target} + {value}")
    for k, (variable, _, store) in enumerate(in_register):
        combine = f"maximum(r{k}, {variable})" if store is Store.MAX else f"r{k} + {variable}"
        w.line(f"r{k} = {combine}")
    w.depth = 1 + inner
    for k, (_, access, store) in enumerate(in_register):
        target = places[id(access)]
        w.line(f"{target} = {target} + r{k}" if store is Store.SUM_ADD else f"{target} = r{k}")


def _assemble(w: _Writer) -> str:
    head = ["def k0(pointers, geometry, begin, end, first):"]
    for k, access in enumerate(w.pointers):
        kind = "indices" if access.index else "reals"
        head.append(f"    x{k} = {kind}(pointers, {k})")
    head += [f"    g{k} = geometry[{k}]" for k in range(len(w.geometry))]
    return "\n".join(head + renumbered(w.lines)) + "\n"
