"""The CUDA back end: the table of an entry as a graph of kernels over the whole batch.

Here are the texts of kernels and what becomes of them: `shim` compiles with numba-cuda,
`verify_cuda_source` checks generated text, `device_form` gives it the parameters that a GPU wants,
`cuda_math` has the functions that it may call, `kernels` the texts that every entry needs.

`launch` makes a step a graph, as data; `devices` runs graphs, on a GPU or in a simulator;
`estimates` works out what a GPU would do; `execution` runs an entry for a session;
`library` writes a model as a C library.
"""
