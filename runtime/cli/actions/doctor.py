"""What `gradc doctor` finds out: everything a bug report should say about a machine.

Nothing here compiles or downloads.  A row is a topic, what was found, and whether it is in order;
only what gradc cannot do without makes the exit code 2.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.certificates.certificate import DIFFERS, all_kept, are_wanted, counted_by_state
from gradc_runtime.certificates.certifying import SWITCH
from gradc_runtime.cli.actions.output import console, counted, size, table, write_json
from gradc_runtime.cli.actions.versions import LIBRARIES, version_of
from gradc_runtime.cpu.codegen.target import host
from gradc_runtime.cpu.objects.object_cache import cache_info
from gradc_runtime.cuda.execution.chosen_device import device
from gradc_runtime.data.readers.fetched import cache_folder
from gradc_runtime.data.readers.online_sets import MNIST
from gradc_runtime.system.errors import RunError
from gradc_runtime.system.extras import EXTRAS, PACKAGES, package_of

OLDEST = (3, 11)


@dataclass(frozen=True, slots=True)
class Finding:
    """One row: `well` is None where it is a matter of taste."""

    topic: str
    found: str
    well: bool | None = None


def doctor(*, as_json: bool) -> int:
    """Print the rows; 2 if something needed is missing."""
    rows = [
        *python(),
        *libraries(),
        *processor(),
        *cache(),
        certificates(),
        *extras(),
        cuda(),
        data(),
    ]
    if as_json:
        write_json([{"topic": r.topic, "found": r.found, "ok": r.well} for r in rows])
    else:
        marks = {True: "ok", False: "wrong", None: ""}
        console().print(
            table(["topic", "found", ""], [(r.topic, r.found, marks[r.well]) for r in rows])
        )
    return 2 if any(r.well is False for r in rows) else 0


def python() -> Iterator[Finding]:
    """The interpreter and the system."""
    yield Finding(
        "python", f"{platform.python_version()} at {sys.executable}", sys.version_info >= OLDEST
    )
    yield Finding("system", platform.platform())


def libraries() -> Iterator[Finding]:
    """What must be installed."""
    for name in LIBRARIES:
        version = version_of(name)
        yield Finding(name, version or "missing: pip install gradc", version is not None)


NAMED = ("sse4.2", "avx", "avx2", "fma", "avx512f", "avx512vl", "avx512bf16", "neon")  # features


def processor() -> Iterator[Finding]:
    """What the kernels are compiled for."""
    machine = host()
    lanes = machine.lanes(4)
    yield Finding("processor", f"{machine.cpu} ({machine.triple})")
    yield Finding("vectors", f"{machine.vector_registers} registers of {lanes} float32"
                  f" ({machine.vector_bytes * 8} bits)")  # fmt: skip
    present = [f[1:] for f in machine.features.split(",") if f.startswith("+")]
    wanted = [f for f in NAMED if f in present]
    wanted += ["amx-bf16"] * machine.multiplies_tiles  # with the permission to use it
    yield Finding("features", ", ".join(wanted) or "none of interest")
    usable, all_cores = len(os.sched_getaffinity(0)), os.cpu_count()
    yield Finding("threads", f"{usable} of {all_cores} cores may be used")


def cache() -> Iterator[Finding]:
    """Where compiled kernels are kept."""
    found = cache_info()
    state = f"{found.directory}: {counted(found.entries, 'kernel')}, {size(found.bytes)}"
    yield Finding("cache", state if found.trusted else f"{state}; not used", found.trusted or None)


def certificates() -> Finding:
    """Which programs' kernels have been held against the reference here, and what came of it."""
    if not are_wanted():
        return Finding("certificates", f"not wanted ({SWITCH}=0)")
    kept = all_kept()
    wrong = [certificate.line for certificate in kept if certificate.state == DIFFERS]
    numbers = counted_by_state(kept)
    told = ", ".join(f"{number} {state}" for state, number in numbers.items() if number)
    return Finding(
        "certificates",
        "; ".join([f"of {counted(len(kept), 'program')}: {told}" if kept else "none yet", *wrong]),
        not wrong if kept else None,
    )


def extras() -> Iterator[Finding]:
    """What may be installed as well."""
    for extra, module in EXTRAS.items():
        library = package_of(module)
        version, missing = version_of(library), f"not installed: pip install {PACKAGES[module]}"
        yield Finding(
            f"extra {extra}", f"{library} {version}" if version else missing, bool(version) or None
        )


def cuda() -> Finding:
    """Whether `--target cuda` can work, in the words that it would use itself."""
    try:
        device()
    except RunError as fault:
        return Finding("cuda", str(fault))
    return Finding("cuda", "a GPU can be used", True)


def data() -> Finding:
    """Which data needs no network."""
    folder = cache_folder(MNIST.name)
    here = all((folder / name).is_file() for name in MNIST.files)
    bundled = "digits() and other bundled sets" if version_of("scikit-learn") else "no bundled sets"
    mnist = f"mnist() in {folder}" if here else "mnist() would be downloaded"
    return Finding("data", f"{bundled}; {mnist}")
