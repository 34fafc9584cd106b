"""A guard for each rank: a process that only waits for the one that trains.

`mpiexec` ends all ranks once one of them is gone, with its own banner and no word of gradc's.  The
guard is the process that `mpiexec` knows; the process that trains is its child.  So if the child is
killed, as by a system short of memory, the guard is left to say which rank it was.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
from contextlib import suppress
from time import sleep

RANKS = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)
FAULT = 1
ABORT = b"cmd=abort exitcode=1\n"  # what MPI_Abort sends to MPICH: gives the exit code
HEARD = 0.5  # seconds in which `mpiexec` passes the line on
ENOUGH = 5.0  # seconds in which it ends everything, this process too


def guarded() -> None:
    """Go on in a child; this process waits and leaves with its code, or says how it was lost."""
    guard = os.getpid()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)  # signals come through the guard, so once
        ctypes.CDLL(None).prctl(DIES_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != guard:  # the guard is gone already
            os._exit(FAULT)
        return
    for number in PASSED_ON:
        signal.signal(number, lambda number, frame: told(child, number))
    status = os.waitpid(child, 0)[1]
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else lost(os.WTERMSIG(status)))


def told(child: int, number: int) -> None:
    """Pass a signal on."""
    with suppress(OSError):
        os.kill(child, number)


def lost(number: int) -> int:
    """Say that the rank was killed; the exit code."""
    rank = next((os.environ[name] for name in RANKS if name in os.environ), "?")
    name = signal.Signals(number).name
    line = f"rank {rank} (on {socket.gethostname()}) is lost, ended by {name}, and the run ends"
    sys.stderr.write(f"gradc: {line}; --resume goes on with it\n")
    sys.stderr.flush()
    with suppress(KeyError, ValueError, OSError):
        sleep(HEARD)
        os.write(int(os.environ["PMI_FD"]), ABORT)
        sleep(ENOUGH)
    return FAULT
