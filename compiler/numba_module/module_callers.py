"""The functions of a module that callers know: they look at what is given and call the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from functools import cached_property

from gradc_compiler.graph.outputs import Role, of_role
from gradc_compiler.graph.types import Kind, TensorType, Time
from gradc_compiler.numba_module.module_entry import ModuleEntry, rows_name
from gradc_compiler.numba_module.module_names import PublicNames, comment
from gradc_compiler.program.program import DataSource, TrainStep
from gradc_compiler.records.fast_dataclass import dataclass

AT_ONCE = 64  # examples of a model whose values are in memory at one time
Types = Mapping[str, TensorType]


@dataclass(frozen=True)
class Caller:
    """Writes what calls an entry; `data` may tell how long sequences are that it does not read."""

    entry: ModuleEntry
    data: tuple[DataSource, ...]
    fields: Types = field(default_factory=dict)  # which may be given though nothing reads them

    @cached_property
    def inputs(self) -> dict[str, TensorType]:
        """The inputs: those that the entry reads, and others that tell a length."""
        found = {str(a.name): a.type for a in self.entry.program.arrays("input")}
        known = {type.time for type in found.values()}
        fields = [pair for data in self.data for pair in data.fields]
        for time in self.entry.times:
            if time not in known and isinstance(time, str):
                name, type = next(pair for pair in fields if pair[1].time == time)
                found[name] = type
        return found

    @cached_property
    def names(self) -> dict[str, str]:
        """The names of the inputs."""
        return {name: self.all_names[name] for name in self.inputs}

    @cached_property
    def all_names(self) -> dict[str, str]:
        """The names of the inputs, and of fields that are not read."""
        own = [self.entry.name, *map(found, self.outputs), *map(rows_name, self.entry.times)]
        names = PublicNames(own)
        return {name: names.take(name) for name in {**self.inputs, **self.fields}}

    @property
    def outputs(self) -> dict[str, TensorType]:
        """What the entry gives for each example."""
        return {str(a.name): a.type for a in self.entry.program.arrays("output")}

    def head(self, name: str, about: str) -> Iterator[str]:
        """The head of a function, and what looks at what is given."""
        unread = [own for key, own in self.all_names.items() if key not in self.names]
        given = [*self.names.values()] or ["examples=None" if unread else "examples"]
        given += [f"{own}=None" for own in unread]
        yield f"def {name}(state, *, {', '.join(given)}):"
        yield f'    """{comment(about)}."""'
        for key, type in self.inputs.items():
            if type.time is None:
                own = self.names[key]
                yield f"    {own} = given({own}, {key!r}, {type.shape}{classes(type)})"
        counts = ", ".join(f"{own}={own}" for own in self.names.values() or unread)
        count = f"counted({counts})" if self.names else f"as_many({counts}, examples=examples)"
        yield f"    n = {count if counts else 'len(range(examples))'}"
        yield from self._packed()

    def _packed(self) -> Iterator[str]:
        """Sequences in the order in which loops go through them."""
        for time in self.entry.times:
            yield f"    {rows_name(time)} = Packed({self._lengths(time)})"
        for key in self.entry.program.arrays("input"):
            own, type = self.names[str(key.name)], key.type
            if type.time is not None:
                made = f"sequences({own}, {str(key.name)!r}, {type.shape}{classes(type)})"
                yield f"    {own} = {rows_name(type.time)}.rows_of({made})"

    def _lengths(self, time: Time) -> str:
        if isinstance(time, int):
            return f"[{time}] * n"
        own = next(self.names[name] for name, type in self.inputs.items() if type.time == time)
        return f"[len(one) for one in {own}]"

    def call(self, part: str = "", first: str = "0", n: str = "n") -> str:
        """The call of the entry's function, on a part of the examples."""
        given = []
        for key in self.entry.of_kind("input", "output"):
            name = self.entry.buffers[key].name
            own = self.names.get(name) if self.entry.buffers[key].kind == "input" else None
            given.append(f"{own}{part}.reshape(-1, {self.inputs[name].size})" if own else
                         f"{found(name)}{part}")  # fmt: skip
        times = [rows_name(time) for time in self.entry.times]
        return f"{self.entry.name}({', '.join(['state', first, n, *times, *given])})"

    def model(self, name: str, about: str) -> str:
        """The function of a model, which returns its outputs for each example."""
        program, outputs = self.entry.program, self.outputs
        said = "; ".join(f"{key} : {type}" for key, type in outputs.items())
        lines = [*self.head(name, f"{about}: {said}")]
        for key, type in outputs.items():
            rows = "n" if type.time is None else f"{rows_name(type.time)}.total"
            lines.append(f"    {found(key)} = np.zeros(({rows}, {type.size}), {number(type)})")
        if self.entry.times or program.results or self.entry.of_kind("carried"):
            lines.append(f"    {'once = ' if program.results else ''}{self.call()}")
        else:
            call = self.call("[first:last]", "first", "last - first")
            lines += [f"    for first in range(0, n, {AT_ONCE}):",
                      f"        last = min(first + {AT_ONCE}, n)", f"        {call}"]  # fmt: skip
        back = {key: shaped(found(key), type) for key, type in outputs.items()}
        for result in program.results:
            back[str(result)] = f'np.repeat(np.asarray(once["{result}"])[None], n, axis=0)'
        return "\n".join([*lines, f"    return {one_or_all(back)}"])

    def gradients(self, name: str, step: TrainStep) -> str:
        """The loss of a step, and its gradients by the author's names."""
        lines = [*self.head(name, "The loss on a batch, and its gradient for each parameter")]
        over = tuple(of_role(Role.GRADIENT, self.entry.program.results))
        lines += [
            f"    found = {self.call()}",
            f"    gradients = {{name: found[name] for name in {over!r}}}",
            f"    return float(found[{step.loss!r}]), gradients",
        ]
        return "\n".join(lines)

    def step(self, name: str, step: TrainStep) -> str:
        """A step that changes the state; what it measures."""
        lines = [*self.head(name, "One update of the state; what was measured before it")]
        lines.append(f"    found = {self.call()}")
        measured = (step.loss, *step.reports)
        lines.append(f"    return {{name: float(found[name]) for name in {measured!r}}}")
        return "\n".join(lines)


def all_steps(callers: Mapping[str, Caller]) -> str:
    """All steps in turn, on the same batch."""
    lines = ["def step(state, **batch):", '    """One update by each step in turn."""',
             "    found = {}"]  # fmt: skip
    for name, caller in callers.items():
        own = ", ".join(f"{one}=batch[{one!r}]" for one in caller.names.values())
        own = own or "examples=len(next(iter(batch.values())))"
        lines.append(f"    for name, value in step_{name}(state, {own}).items():")
        lines.append(f'        found[f"{name}.{{name}}"] = value')
    return "\n".join([*lines, "    return found"])


def found(output: str) -> str:
    """The array that an output is written to."""
    return f"{PublicNames().take(output)}_found"


def classes(type: TensorType) -> str:
    """The argument that says how many classes there are."""
    return "" if type.kind is Kind.REAL else f", {type.classes or 0}"


def number(type: TensorType) -> str:
    """The type of a tensor's numbers."""
    return "real" if type.kind is Kind.REAL else "np.int64"


def shaped(array: str, type: TensorType) -> str:
    """An output as callers know it: sequences as a list, or an array where they are all as long."""
    if type.time is None:
        return f"{array}.reshape(n, *{type.shape})" if type.shape != () else f"{array}[:, 0]"
    rows = f"{rows_name(type.time)}.sequences({array}.reshape(-1, *{type.shape}))"
    return f"np.array({rows})" if isinstance(type.time, int) else rows


def one_or_all(values: Mapping[str, str]) -> str:
    """The only value, or all by name."""
    if len(values) == 1:
        return next(iter(values.values()))
    return "{" + ", ".join(f"{key!r}: {value}" for key, value in values.items()) + "}"
