"""The kernels of every spec are what they were: a digest for each entry and target.

A change that means to change no kernel is held to that; one that does says by the digests which
specs it touches.  UPDATE_KERNELS=1 writes them anew.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from gradc_compiler.pipeline import compile_file
from gradc_runtime.cli.actions.tables import print_entry, print_kernels

ROOT = Path(__file__).resolve().parents[2]
DIGESTS = Path(__file__).with_name("kernel_texts.json")
SPECS = sorted([*ROOT.glob("specs/*.nn"), *ROOT.glob("tests/bench/specs/*.nn")])
UPDATE = os.environ.get("UPDATE_KERNELS") == "1"


def digests_of(spec: Path) -> dict[str, str]:
    """By entry and target: its kernels, and for the CPU the table that calls them."""
    found = {}
    program = compile_file(spec)
    for name, entry in program.entries.items():
        cpu = f"{print_entry(entry)}\n{print_kernels(entry)}"
        cuda = print_kernels(program.of_target("cuda").entries[name])
        for target, text in (("cpu", cpu), ("cuda", cuda)):
            own = text.replace(f"{ROOT}/", "")  # wherever the repository lies
            found[f"{name} {target}"] = hashlib.sha256(own.encode()).hexdigest()[:16]
    return found


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_kernels_are_what_they_were(spec: Path) -> None:
    key = spec.relative_to(ROOT).as_posix()
    known = json.loads(DIGESTS.read_text()) if DIGESTS.exists() else {}
    if UPDATE:
        known[key] = digests_of(spec)
        DIGESTS.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
    assert digests_of(spec) == known.get(key)


def test_no_digest_is_of_a_spec_that_is_gone() -> None:
    known = json.loads(DIGESTS.read_text())
    assert known.keys() == {spec.relative_to(ROOT).as_posix() for spec in SPECS}
