"""The verifier of the code of a whole step: what must hold of its lines before they are text.

A single thread runs the kernel, so it has no barriers.  The end of the loop over examples takes
their place: a sum over examples is complete from there on, and must not be read before.  A line
that reads such a sum too early, or a value that is never written, would give wrong numbers; a row
past the end of the stack would overwrite other memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field
from math import inf

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import (
    Address,
    Apply,
    Leaf,
    PointerWord,
    Scalar,
    ScalarConstant,
    Variable,
)
from gradc_compiler.loops.scalar_form import leaves
from gradc_compiler.loops.verify_nest import kind_of
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.whole_step.step_code import (
    COUNT,
    EXAMPLE,
    STEP,
    AssignLine,
    CodeLine,
    Effect,
    LoopHead,
    Remark,
    StepCode,
    When,
)

ARGUMENTS = "first", str(COUNT)  # of the kernel: the first example, and how many there are
OUTERMOST, OF_A_STEP = 1, 2  # the depth of lines before the loop over steps, and of lines in it


def verify_code(code: StepCode) -> StepCode:
    """The code of a step, if it is valid.  Raises `AssertionError` with the first line that is
    not.
    """
    reader = _Reader(words={name: index for (_, _, index), name in code.pointers})
    for lines, depth in ((code.head, OUTERMOST), (code.lines, OF_A_STEP)):
        for fault in reader.faults(lines, depth):
            raise AssertionError(f"the code of a step: {fault}")
    return code


@dataclass(kw_only=True)
class _Block:
    """What is known within a loop or a condition so far.

    `last` is the greatest value of each counter; `unread` are words that were written in the block
    and not read since.
    """

    depth: int
    known: dict[str, Scalar | None] = field(default_factory=dict)  # with their first value
    last: dict[str, float] = field(default_factory=dict)
    unread: dict[str, dict[PointerWord, Scalar]] = field(default_factory=dict)  # by pointer
    totals: set[str] = field(default_factory=set)  # sums that began outside
    of_examples: bool = False
    choice: bool = False


@dataclass(kw_only=True)
class _Reader:
    """Goes through lines in order.  `words` says of each pointer whether it has whole numbers."""

    words: dict[str, bool]
    rows: dict[str, int] = field(default_factory=dict)  # of arrays on the stack: their length
    blocks: list[_Block] = field(default_factory=list)
    given: dict[Variable, Scalar] = field(default_factory=dict)

    def faults(self, lines: Iterable[CodeLine], depth: int) -> Iterator[str]:
        """All that is wrong with lines that begin at a depth."""
        if not self.blocks:
            self.blocks = [_Block(depth=depth, known=dict.fromkeys([*ARGUMENTS, *self.words]))]
        elif depth > self.blocks[-1].depth:
            self.blocks.append(_Block(depth=depth, known={str(STEP): None}))
        opened = False
        for number, line in enumerate(lines):
            if isinstance(line.item, Remark):
                continue
            for fault in (*self._nesting(line, depth, opened), *self._line(line)):
                yield f"line {number}, {line.item}: {fault}"
            opened = isinstance(line.item, LoopHead | When)
        if opened:
            yield "the last loop is empty"
        self._close(depth)

    def _nesting(self, line: CodeLine, first: int, opened: bool) -> Iterator[str]:
        """Only a loop or a condition has lines that are deeper, and it has some."""
        deepest = self.blocks[-1].depth
        if line.depth > deepest or line.depth < first:
            yield "is in no loop of that depth"
        elif opened and line.depth < deepest:
            yield "comes after a loop that is empty"
        self._close(line.depth)

    def _close(self, depth: int) -> None:
        while len(self.blocks) > 1 and self.blocks[-1].depth > depth:
            self.blocks.pop()

    def _line(self, line: CodeLine) -> Iterator[str]:
        match line.item:
            case AssignLine(target, value):
                yield from self._reads(value, target)
                yield from self._gives(target, value)
            case LoopHead(counter, bounds, _):
                for bound in bounds:
                    yield from self._reads(bound)
                self._enter(line.depth, counter, bounds)
            case When(condition):
                yield from self._reads(condition)
                self.blocks.append(_Block(depth=line.depth + 1, choice=True))
            case Effect(call):
                yield from self._effect(call)

    def _enter(self, depth: int, counter: Leaf, bounds: tuple[Scalar, ...]) -> None:
        end = bounds[0] if len(bounds) == 1 else bounds[1]
        last = end.value - 1 if isinstance(end, ScalarConstant) else inf
        self.blocks.append(
            _Block(
                depth=depth + 1,
                known={str(counter): None},
                last={str(counter): last},
                of_examples=counter == EXAMPLE and last == inf,
            )
        )

    def _effect(self, call: Apply) -> Iterator[str]:
        """Note what a function writes: any word behind the pointer that it is given."""
        yield from self._reads(call)
        if call.op == "totals":
            self._grow(str(call.args[0]))

    def _reads(self, value: Scalar, target: Leaf | None = None) -> Iterator[str]:
        """Every name in an expression must have a value; a sum must not be read before all examples
        have added to it.
        """
        for leaf in leaves(value):
            for name in names_of(leaf):
                if not any(name in block.known for block in self.blocks):
                    yield f"{name} is read before it has a value"
            if isinstance(leaf, PointerWord):
                yield from self._of_bounds(leaf)
            name = leaf.pointer if isinstance(leaf, PointerWord) else str(leaf)
            for block in self.blocks:
                block.unread.pop(name, None)
            if leaf != target and any(name in block.totals for block in self.blocks):
                yield f"{name} is read before all examples have added to it"

    def _gives(self, target: Leaf, value: Scalar) -> Iterator[str]:
        """A variable gets one value.  One that has a value may only be added to, or be chosen
        anew.
        """
        kind = kind_of(value)
        match target:
            case Variable():
                if target in self.given:
                    yield f"{target} has two values"
                if kind not in (None, target.kind):
                    yield f"{target} is given a value of the other kind"
                self.given[target] = value
            case PointerWord():
                yield from self._of_word(target, value, kind)
                return
            case _ if self._is_known(str(target)):
                if target in leaves(value):
                    self._grow(str(target))
                elif not (self.blocks[-1].choice or self._was(str(target)) == value):
                    yield f"what {target} was is lost"
                return
        self._begin(str(target), value)

    def _begin(self, name: str, value: Scalar) -> None:
        """Remember the first value of a name."""
        self.blocks[-1].known[name] = value
        if isinstance(value, Apply) and value.op == "rows":
            rows = value.args[0]
            assert isinstance(rows, ScalarConstant), f"{name} has no fixed length"
            self.rows[name] = int(rows.value)
        elif isinstance(value, Apply) and value.op == "after":
            self.words[name] = False

    def _comes_from(self, value: Scalar, old: Scalar) -> bool:
        """Whether a value contains another one, as a sum that is added to does; 0 contains
        nothing.
        """
        if isinstance(old, ScalarConstant):
            return True
        wanted, seen, left = {*leaves(old)}, set[Leaf](), [*leaves(value)]
        while left:
            leaf = left.pop()
            if leaf in wanted:
                return True
            if isinstance(leaf, Variable) and leaf not in seen:
                seen.add(leaf)
                left += leaves(self.given[leaf]) if leaf in self.given else ()
        return False

    def _was(self, name: str) -> Scalar | None:
        """The first value of a name, in the innermost block that has it."""
        return next(b.known[name] for b in reversed(self.blocks) if name in b.known)

    def _is_known(self, name: str) -> bool:
        return any(name in block.known for block in self.blocks)

    def _grow(self, name: str) -> None:
        """Remember that a loop over examples adds to a name, so that it is not complete within the
        loop.
        """
        within = [block for block in self.blocks if block.of_examples]
        if within and not any(name in b.known for b in self.blocks if b.depth >= within[0].depth):
            within[0].totals.add(name)

    def _of_word(self, word: PointerWord, value: Scalar, kind: Kind | None) -> Iterator[str]:
        """A word of memory is of its pointer's kind; its old value has been read, or is added
        to.
        """
        for name in names_of(word):
            if not self._is_known(name):
                yield f"{name} is read before it has a value"
        yield from self._of_bounds(word)
        unread = self.blocks[-1].unread.setdefault(word.pointer, {})
        if word in unread and not self._comes_from(value, unread[word]):
            yield f"what {word} was is lost"
        if word.pointer not in self.rows:
            unread[word] = value
        index = self.words.get(word.pointer)
        if index is not None and kind not in (None, Kind.INDEX if index else Kind.REAL):
            yield f"{word} is given a value of the other kind"

    def _of_bounds(self, word: PointerWord) -> Iterator[str]:
        """No row on the stack is before its first or after its last."""
        if word.pointer in self.rows:
            last = {name: n for block in self.blocks for name, n in block.last.items()}
            ends = [move * last.get(name, inf) for name, move in word.at.moves]
            low = word.at.offset + sum(min(0, end) for end in ends)
            high = word.at.offset + sum(max(0, end) for end in ends)
            if low < 0 or high >= self.rows[word.pointer]:
                yield f"row {low} to {high} of {self.rows[word.pointer]}"


def names_of(leaf: Leaf) -> Iterator[str]:
    """The names in the text of a leaf."""
    match leaf:
        case Address(moves, _):
            yield from (name for name, _ in moves)
        case PointerWord(pointer, row, at):
            yield pointer
            yield from () if row is None else (row[0],)
            yield from names_of(at)
        case _:
            yield str(leaf)
