"""The target `numba`: the kernels of the CPU target, each compiled by Numba from its own text.

`numba_types.py` has the types of the kernel language as Numba knows them, `numba_functions.py` what
the names in a kernel mean to Numba, `numba_kernel.py` makes object code, which is kept and loaded
like any other, and `numba_executable.py` is the back end.  Numba is imported when something has to
be compiled, and by nothing else.
"""
