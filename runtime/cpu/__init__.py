"""The CPU back end: kernels become object code once per machine, and a native loop walks the table.

`machine` says what the processor can do.  `build` turns a kernel into object code through LLVM;
`cache` keeps that code; `link` loads it; `compile` puts the three together.
`table` flattens an entry for one batch size; `walk` is the native loop over it; `executable` owns
the memory and the threads.  `kernels/` holds the contractions that every model shares, `scalars`
the functions that generated kernels call.
"""
