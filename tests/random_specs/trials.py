"""How many examples a random spec is tried on, and how long its sequences are.

Both stand in the first line of its text, so that a spec that has been shrunk says all there is to
say.  The first choices are the common ones; others lie beside the widths of vectors and of blocks.
"""

from __future__ import annotations

import re

import numpy as np

from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph_tools.samples import drawn
from gradc_compiler.program.entry import Entry
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cli.actions.trial import Trial
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.data.arrays.validate import conform
from gradc_runtime.session.inputs import lengths_read_by
from tests.random_specs.body import Choose

BATCHES = (5, 5, 5, 5, 3, 1, 2, 7, 8, 16, 17, 33, 130)
LENGTHS = ((1, 8), (1, 8), (1, 8), (1, 8), (0, 8), (0, 2), (1, 17), (0, 40))
HEAD = "# {} examples, sequences of {} to {}\n"
READ = re.compile(r"# (\d+) examples, sequences of (\d+) to (\d+)")


def head(choose: Choose) -> str:
    """The first line of a spec."""
    return HEAD.format(BATCHES[choose(len(BATCHES))], *LENGTHS[choose(len(LENGTHS))])


def sizes_of(text: str) -> tuple[int, int, int]:
    """Examples, and the least and the greatest length of a sequence, as the first line has them."""
    found = READ.match(text)
    assert found, "a random spec says how many examples it is tried on"
    examples, least, longest = map(int, found.groups())
    return examples, least, longest


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranged(Trial):
    """A trial with sequences from one length to another."""

    least: int
    longest: int

    def lengths(self, entry: Entry) -> dict[str, np.ndarray]:
        """The lengths of every time that an entry knows."""
        return {name: self.of_time(time, entry) for name, time in lengths_read_by(entry).items()}

    def of_time(self, time: str, entry: Entry) -> np.ndarray:
        """The lengths of a time, no longer than the entry allows."""
        limits = [limit.rows for limit in entry.limits if limit.time == time]
        most = min([self.longest, *limits])
        draws = np.random.default_rng([self.seed, *time.encode()])
        return draws.integers(min(self.least, most), most + 1, self.examples)

    def inputs(self, entry: str) -> Batches:
        """Random examples of the types that an entry declares."""
        here = self.program.entries[entry]
        made = Batches({**self.lengths(here)})
        for name, type in here.inputs.items():
            draws = np.random.default_rng([self.seed, *name.encode()])
            if isinstance(type.time, str):
                lengths = self.of_time(type.time, here)
                rows = drawn(draws, int(lengths.sum()), type, self.numbers)
                made[name] = conform(Ragged(rows, lengths), type, name=name, dtype=self.dtype)
            else:
                rows = drawn(draws, self.examples, type, self.numbers)
                made[name] = conform(rows, type, name=name, dtype=self.dtype)
        return made
