"""A certificate: a program's kernels were once held against the reference on this machine.

It is kept in the cache of kernels under a key of all that decides what the kernels of a training
step do: their code (and so the processor and every version), the graph that they come from, the
tables that call them, and the width.  Where one of these changes, a new certificate is needed.
`certifier` makes certificates, `comparison` says what is compared.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradc_compiler.program.entry import Entry
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.certificates.certifying import SWITCH
from gradc_runtime.cpu.objects import object_cache
from gradc_runtime.cpu.objects.compile_kernels import key_of
from gradc_runtime.system.errors import Disagreement

if TYPE_CHECKING:
    from gradc_runtime.session.session import Session

AGREES, DIFFERS, TOO_LARGE = "agrees", "differs", "too large"
FILE = "certificate.json"  # in the folder of a run that wrong kernels trained
ADVICE = (
    "train with --target reference, or --without NAME, an optimisation without which gradc verify "
    "agrees; and please report it"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What was found."""

    program: str
    dtype: str
    state: str
    examples: int = 0
    found: str = ""  # where the state is not that all agrees: what else

    @property
    def line(self) -> str:
        """For people."""
        examples = f" on {self.examples} of its examples" if self.examples else ""
        return f"{self.program}, {self.dtype}: {self.state}{examples}{self.found and ': '}" + (
            self.found
        )

    def require_agreement(self) -> None:
        """Raise `Disagreement` where the kernels are wrong."""
        if self.state == DIFFERS:
            raise Disagreement(f"kernels of {self.program} are wrong: {self.found}; {ADVICE}")


def are_wanted() -> bool:
    """Whether certificates are made and looked at."""
    return os.environ.get(SWITCH) != "0"


def as_run(entry: Entry, examples: int) -> Entry:
    """An entry in the one form that batches of so many examples are run in."""
    small = entry.whole_step is not None and examples <= entry.whole_step.examples
    return entry if small else replace(entry, deferred_whole_step=None)


def entries_of(session: Session, examples: int) -> list[Entry]:
    """What trains."""
    entries = session.program.entries
    return [as_run(entries[step.entry], examples) for step in session.training.steps]


def key_for(session: Session, examples: int) -> str:
    """What a certificate is kept under, for training on batches of so many examples."""
    facts = hashlib.sha256(session.program.source.encode())
    for entry in entries_of(session, examples):
        for fact in facts_of(entry, session.memory.words.dtype.itemsize):
            facts.update(fact.encode() + b"\0")
    return facts.hexdigest()


def facts_of(entry: Entry, word: int) -> Iterator[str]:
    """All that decides what an entry does on a processor."""
    run = entry if entry.whole_step is None else entry.whole_step.entry
    yield from (key_of(kernel.name, kernel.source, word) for kernel in run.kernels)
    yield from (key_of(name, None, word) for name in ("walk", "straight"))
    yield from map(str, (run.block, run.wide_block, run.chunks, run.results, entry.applied))
    yield from (f"{node.op!r} {node.inputs} {node.type}" for node in entry.graph.nodes)
    for phase in run.phases:
        yield from (str(fact) for fact in (phase.examples, phase.wide, phase.sums, phase.loops))
        for item in phase.instructions:
            yield str((item.kernel, item.geometry, item.extent, item.split))
            yield from (f"{o.space} {o.offset} {o.stride} {o.inner}" for o in item.operands)


def load(key: str) -> Certificate | None:
    """The certificate of this key, if there is one."""
    content = object_cache.load(key, object_cache.CERTIFICATE)
    return None if content is None else read(content)


def read(content: bytes) -> Certificate | None:
    """A certificate as it is kept and sent; None where it is none."""
    try:
        values: Any = json.loads(content)
        return Certificate(**values)
    except (ValueError, TypeError):
        return None


def written(certificate: Certificate) -> bytes:
    """As it is kept and sent."""
    return json.dumps(asdict(certificate)).encode()


def save(key: str, certificate: Certificate) -> None:
    """Keep it."""
    object_cache.save(key, written(certificate), certificate.line, object_cache.CERTIFICATE)


def told(key: str, content: bytes) -> str:
    """A line about what a copy has said, if it is worth one; it may have left this to another."""
    found = read(content) or load(key)
    if found is None:
        return ""
    found.require_agreement()
    if found.state == AGREES:
        return ""
    return f"{found.program} is too large for its kernels to be held against the reference"


def require_sound(folder: Path) -> None:
    """Raise `Disagreement` for a run that is known to have been trained by wrong kernels."""
    if are_wanted() and (folder / FILE).is_file():
        found = read((folder / FILE).read_bytes())
        if found is not None:
            found.require_agreement()


def all_kept() -> Sequence[Certificate]:
    """Every certificate of the cache."""
    return [
        c
        for path in object_cache.named(object_cache.CERTIFICATE)
        if (c := load(path.stem)) is not None
    ]


def counted_by_state(kept: Iterable[Certificate]) -> dict[str, int]:
    """How many there are of each state."""
    states = [certificate.state for certificate in kept]
    return {state: states.count(state) for state in (AGREES, DIFFERS, TOO_LARGE)}
