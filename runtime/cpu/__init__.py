"""The CPU back end: kernels become object code once per machine, and a native loop walks the table.

`target` says what the processor can do.  `build_kernel` turns a kernel into object code through
LLVM; `object_cache` keeps that code; `link` loads it; `compile_kernels` puts the three together.
`encode` flattens an entry for one batch size; `walk` is the native loop over it; `executable` owns
the memory and the threads.  `kernels/` holds the contractions that every model shares,
`scalar_math` the functions that generated kernels call.
"""
