"""The CUDA back end: the table of an entry, launched kernel by kernel over the whole batch.

`shim` holds every import of numba-cuda.  `source` checks generated text, `scalars` has the
functions it may call, `kernels` two texts that every entry needs.  `arena` says where each word
lies and turns an entry into launches for one batch size; `batches` knows the rows of sequences;
`plan` owns the memory of a batch size and launches; `executable` runs a call.
"""
