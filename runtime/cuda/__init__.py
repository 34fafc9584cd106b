"""The CUDA back end: the table of an entry, launched kernel by kernel over the whole batch.

`shim` holds every import of numba-cuda.  `verify_cuda_source` checks generated text, `cuda_math`
has the functions it may call, `kernels` two texts that every entry needs.  `arena` says where each
word lies and turns an entry into launches for one batch size; `batches` knows the rows of
sequences; `cuda_plan` owns the memory of a batch size and launches; `cuda_executable` runs a call.
"""
