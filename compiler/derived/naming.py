"""What things are called in a derived program: as in its origin, wherever that says the same.

Parameters and states keep their names, and so do fields.  Names that are made (`v12`, `d_W`) avoid
all that the author gave, and an input takes another name where its own would hide a function that
the text calls.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from gradc_compiler.elaborate.expressions.builtins import BUILTINS
from gradc_compiler.elaborate.expressions.unknown_names import WORDS
from gradc_compiler.elaborate.names.registry import PersistentSpec
from gradc_compiler.pipeline import Compilation
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.keywords import KEYWORDS

TRAIN = "train"  # the head of what `train` itself declares
RESERVED = frozenset({*BUILTINS, *WORDS, *KEYWORDS, "training"})


@dataclass(frozen=True)
class Names:
    """The names of one derived program."""

    specs: dict[str, PersistentSpec]  # parameters and states
    heads: tuple[str, ...]  # the models that have any
    merged: bool  # one model has all parameters, and is the one step
    taken: frozenset[str]  # by the author
    inputs: dict[str, str]  # fields and lengths, as models call them
    aliases: dict[str, str]  # fields that a parameter of `train` hides

    @staticmethod
    def of(made: Compilation) -> Names:
        """The names for a spec with a `train`."""
        train = made.module.train
        assert train is not None, "there is something to derive"
        specs = {s.name: s for s in made.module.parameters}
        heads = tuple(dict.fromkeys(name.partition(".")[0] for name in specs))
        source = next(d for d in made.module.data if d.name == train.data)
        times = [t.time for _, t in source.fields if isinstance(t.time, str)]
        fields = [name for name, _ in source.fields]
        locals_ = [name.partition(".")[2] for name in specs]
        plain = {name for name in locals_ if "." not in name}
        alone = len(train.steps) == 1 and len(heads) == 1 and heads[0] not in (TRAIN, *fields)
        merged = alone and not plain & RESERVED
        taken = {*fields, *times, *heads, *plain, *made.module.unit.known()}
        hidden = RESERVED | (plain if merged else set(heads))
        inputs: dict[str, str] = {}
        for name in [*fields, *times]:
            if name not in inputs:
                inputs[name] = fresh(name, {*taken, *inputs.values()}) if name in hidden else name
        own = {n.partition(".")[2] for n in specs if n.startswith(f"{TRAIN}.")}
        aliases = {f: fresh(f, taken) for f in fields if f in own}
        models = tuple(head for head in heads if head != TRAIN)
        return Names(specs, models, merged, frozenset({*taken, *aliases.values()}), inputs, aliases)

    def made(self, name: str) -> str:
        """A name that is made up, or one like it."""
        return fresh(name, self.taken | RESERVED)

    def prefix(self, letter: str) -> str:
        """What numbered names begin with."""
        taken = {*self.taken, *self.inputs.values()}
        while any(re.fullmatch(rf"{letter}\d+", name) for name in taken):
            letter += "_"
        return letter

    def by_path(self, name: str) -> str:
        """A parameter or state, as the statements of a step's model call it."""
        return name.partition(".")[2] if self.merged else name

    def in_train(self, name: str) -> str:
        """A parameter or state, as `train` calls it."""
        return name.removeprefix(f"{TRAIN}.")


def fresh(name: str, taken: Collection[str]) -> str:
    """A name that is not taken, as near to the given one as can be."""
    while name in taken:
        name += "_"
    return name


def numbered(letter: str, count: Iterable[object]) -> list[str]:
    """`g0, g1, ...`, one for each."""
    return [f"{letter}{k}" for k, _ in enumerate(count)]
