"""Whether this process is one of several that `mpiexec` has started.

mpi4py is imported only where it is: importing it begins MPI.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

from gradc_runtime.ranks.group import Ranks
from gradc_runtime.system.errors import RanksError
from gradc_runtime.system.extras import advice

SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")  # set by MPICH and Open MPI
TIMEOUT = "GRADC_RANK_TIMEOUT"  # the variable that says how long one waits for another
AS_ONE = "GRADC_RANK_BITS"  # the variable that asks for the bits of one machine in any case
SECONDS = 300.0
INSTALL = advice("mpi4py", "training on several ranks")


def launched() -> Ranks | None:
    """The ranks that were started together; None where this process is alone.

    Raises `RanksError` where it is not, but mpi4py or its library is missing.
    """
    return joined() if is_one_of_several() else None


def is_one_of_several() -> bool:
    """Whether `mpiexec` says so; it does before MPI begins."""
    sizes = [os.environ[name] for name in SIZES if name in os.environ]
    return any(size.isdigit() and int(size) > 1 for size in sizes)


def imported() -> Ranks | None:
    """The same for a program that has imported `mpi4py.MPI` itself; None where it has not."""
    return joined() if "mpi4py.MPI" in sys.modules else None


def joined() -> Ranks | None:
    """The ranks of `MPI.COMM_WORLD`; None for a single one.

    Raises `RanksError` where mpi4py or its library is missing.
    """
    try:
        mpi: Any = import_module("mpi4py.MPI")
    except (ImportError, RuntimeError):
        raise RanksError(INSTALL) from None
    if mpi.COMM_WORLD.size == 1:
        return None
    return Ranks(mpi, seconds(), wants_one_machine())


def wants_one_machine() -> bool:
    """Whether the bits of one machine are asked for, whatever that costs.

    Raises `RanksError` where the variable is neither 0 nor 1.
    """
    given = os.environ.get(AS_ONE, "0")
    if given not in ("", "0", "1"):
        raise RanksError(f"{AS_ONE} is 0 or 1, not {given[:40]}")
    return given == "1"


def seconds() -> float:
    """How long a rank waits for another.

    Raises `RanksError` where the variable says no number of seconds.
    """
    given = os.environ.get(TIMEOUT, "")
    try:
        found = float(given) if given else SECONDS
    except ValueError:
        found = -1.0
    if not 0 < found < 1e9:
        raise RanksError(f"{TIMEOUT} is a number of seconds above 0, not {given[:40]}")
    return found
