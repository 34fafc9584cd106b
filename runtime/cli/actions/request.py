"""What was asked for: a spec with changes to its settings, and where to run it.

`Request` is the options of a command as data.  It is kept in the folder of a run as
`command.json`, so that `--resume` and `eval` find the same examples, settings and width again
without the user repeating them; what is given now stands above what was given then.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import field, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradc_compiler.diagnostics.source import CompileError, Source
from gradc_compiler.kept_programs import kept_program, program_fact
from gradc_compiler.program.program import Program
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.parse.read_file import read_source
from gradc_runtime.cli.actions.request_data import load_data
from gradc_runtime.cli.faults import Refused
from gradc_runtime.data import Dataset, Streamed
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.session.checkpoint import write_atomically
from gradc_runtime.session.load_weights import COMMAND
from gradc_runtime.session.session import Session
from gradc_runtime.session.state import suggestion
from gradc_runtime.session.train_settings import LIMITS
from gradc_runtime.system.errors import CheckpointError

if TYPE_CHECKING:
    from gradc_compiler.pipeline import Compilation

FILE = COMMAND
FLAGS = ("batch", "epochs", "held_out", "patience", "limit", "in_memory", "block", "memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A spec, what is changed in it, and where it runs."""

    spec: Path
    overrides: Mapping[str, Any] = field(default_factory=dict)  # of the optimizer, and "data"
    settings: Mapping[str, Any] = field(default_factory=dict)  # those of `FLAGS`
    without: tuple[str, ...] = ()
    exact: bool = False
    target: str | None = None  # "cpu" if nothing is said
    dtype: str | None = None
    precision: str | None = None  # as the spec says
    threads: int | None = None
    seed: int | None = None
    folder: Path | None = None  # paths of `--data` start here
    allow_path: bool = False
    encoding: Mapping[str, Any] | None = None  # of a table that a run has trained on

    @staticmethod
    def of(spec: Path, given: Mapping[str, Any]) -> Request:
        """The options of a command.

        Raises `Refused` for an optimisation that does not exist.
        """
        assigned = dict(given.get("assigned", ()))
        settings = {name: assigned.pop(name) for name in FLAGS if name in assigned}
        settings |= {name: given[name] for name in FLAGS if given.get(name) is not None}
        seed = given.get("seed")
        seed = assigned.pop("seed", None) if seed is None else seed
        data = given.get("data")
        return Request(
            spec=spec,
            overrides=assigned if data is None else {**assigned, "data": data},
            settings=settings,
            without=switched_off(given.get("without", ())),
            exact=bool(given.get("exact")),
            target=given.get("target"),
            dtype=given.get("dtype"),
            precision=given.get("precision"),
            threads=given.get("threads"),
            seed=checked_seed(seed),
            folder=Path.cwd() if data is not None else None,
            allow_path=bool(given.get("allow_path")),
        )

    def above(self, earlier: Request) -> Request:
        """This request, and what an earlier one said where this one is silent."""
        return replace(
            self,
            overrides={**earlier.overrides, **self.overrides},
            settings={**earlier.settings, **self.settings},
            without=self.without or earlier.without,
            exact=self.exact or earlier.exact,
            target=self.target or earlier.target,
            dtype=self.dtype or earlier.dtype,
            precision=self.precision or earlier.precision,
            seed=earlier.seed if self.seed is None else self.seed,
            folder=self.folder or earlier.folder,
            allow_path=self.allow_path or earlier.allow_path,
            encoding=self.encoding or earlier.encoding,
        )

    def compile(self) -> Compilation:
        """The spec through all stages.

        Raises `Refused` where a `--set` does not fit the spec, `CompileError` for other errors in
        it.
        """
        return self._compiled(read_source(self.spec))

    def program(self) -> Program:
        """The spec compiled, now or by an earlier run; raises as `compile` does.

        An earlier run kept what the CPU does in float32.
        """
        if (self.target or "cpu") != "cpu" or (self.dtype or "float32") != "float32":
            return self.compile().program
        source = read_source(self.spec)
        how = (self.without, self.exact, self.precision)
        fact = program_fact(source, self.spec.parent, dict(self.overrides), *how)
        return kept_program(source, fact, partial(self._compiled, source))

    def _compiled(self, source: Source) -> Compilation:
        """The text through all stages."""
        how = (self.without, self.exact, self.precision)
        try:
            made: Compilation = pipeline().compilation(
                source, self.spec.parent, dict(self.overrides), *how
            )
            return made
        except CompileError as error:
            if any(d.code != "E0408" for d in error.diagnostics):
                raise
            lines = [f"{d.message}; {d.hint}".replace("`", "") for d in error.diagnostics]
            raise Refused(lines[0]) from None

    def session(self, program: Program) -> Session:
        """A session of the program where it was asked for.

        Raises `Refused` where the target's libraries are not installed.
        """
        target, dtype = self.target or "cpu", self.dtype or "float32"
        try:
            return Session(program, target, dtype, self.threads, self.seed)
        except ImportError as fault:
            raise Refused(f"--target {target} cannot be used: {fault}") from None

    def dataset(
        self, session: Session, read: Collection[str] | None = None, *, validated: bool = True
    ) -> Dataset | Streamed:
        """The examples that the spec, or `--data`, names; of a table the fields that are read.

        What the spec validates on comes with all fields, unless it is not to be `validated`.
        """
        folder = self.folder if "data" in self.overrides else None
        how = (self.settings, folder, self.allow_path, self.encoding, read)
        return load_data(session, *how, validated=validated)

    def trained_on(self, data: Dataset | Streamed) -> Request:
        """The same, and what the numbers of its data stand for."""
        found = data.encoding
        return self if found is None else replace(self, encoding=found.as_data())

    def write(self, folder: Path) -> None:
        """Keep it in the folder of a run."""
        spec = str(self.spec.resolve())
        values = {name: getattr(self, name) for name in self.__slots__}
        text = json.dumps({**values, "spec": spec}, indent=2, default=str) + "\n"
        write_atomically(folder / FILE, text.encode())

    @staticmethod
    def read(folder: Path) -> Request | None:
        """The request that a run was started with.

        Raises `CheckpointError` where the file is damaged.
        """
        try:
            values = json.loads((folder / FILE).read_text())
            spec, at = Path(values.pop("spec")), values.pop("folder")
            values["without"] = switched_off(values["without"])
            if not isinstance(values["overrides"], dict) or not isinstance(
                values["settings"], dict
            ):
                raise ValueError("its settings are none")
            if values.get("encoding") is not None:
                Encoding.of_data(values["encoding"])
            return Request(spec=spec, folder=None if at is None else Path(at), **values)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, LookupError, AttributeError, Refused) as fault:
            raise CheckpointError(f"{folder / FILE} is damaged ({fault})") from None


def is_setting(name: str) -> bool:
    """Whether an optimizer of the prelude has a setting of this name."""
    library = import_module("gradc_compiler.elaborate.names.library").prelude()
    found = [library.find(known) for known in library.places]
    optimizers = [d.definition for d in found if d and d.definition.kind == "optimizer"]
    return any(name == setting.name for o in optimizers for setting in o.settings)


def switched_off(given: Iterable[str]) -> tuple[str, ...]:
    """Optimisations by the names that they have now.

    Raises `Refused` for one that does not exist.
    """
    if not (asked := tuple(given)):
        return ()  # and nothing is imported
    former, optional = pipeline().FORMER, pipeline().OPTIONAL
    names = tuple(former.get(name, name) for name in asked)
    if unknown := [name for name in names if name not in optional]:
        known = dict.fromkeys(optional)
        raise Refused(f"no optimisation is called {unknown[0]}{suggestion(unknown[0], known)}")
    return names


def pipeline() -> Any:
    """All stages of the compiler, imported where a spec is compiled."""
    return import_module("gradc_compiler.pipeline")


def checked_seed(seed: Any) -> int | None:
    """The seed of `--set seed=3`.

    Raises `Refused` for anything but a whole number within limits.
    """
    low, high, wanted = LIMITS["seed"]
    if seed is not None and (not isinstance(seed, int) or not low <= seed <= high):
        raise Refused(f"seed must be {wanted}, not {seed}")
    return seed


def prepare(session: Session, entries: list[str]) -> None:
    """Compile entries now, so that what follows is not held up.

    Raises `Refused` where the target's libraries are not installed.
    """
    for entry in entries:
        try:
            session.runner(entry)
        except ModuleNotFoundError as fault:
            raise Refused(f"--target {session.target} cannot be used: {fault}") from None
