"""The CPU back end: kernels become object code once per machine, and a native loop runs the table.

`codegen/target.py` says what the processor can do.  `codegen/build_kernel.py` turns a kernel into
object code through LLVM; in `objects`, `object_cache.py` keeps that code, `link.py` loads it, and
`compile_kernels.py` puts the three together.  `partition` divides work.  In `interpreter`,
`encode.py` writes an entry for one batch size as an array of numbers, and `dispatch.py` is the
native loop over it.  `executable.py` owns the memory and the threads.  `gemm` has the contractions
that every model shares, `codegen/scalar_math.py` the functions that generated kernels call, beside
the formulas that they bring along (`codegen/definitions.py`).  On the target `numba`, all of
them are compiled by Numba (`numba_jit`).
"""
