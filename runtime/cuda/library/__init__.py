"""A model on a GPU as a C library: `gpu_model` works out what lies where, `gpu_library` writes it.

`gpu_library.c` has the functions, by NVIDIA's driver alone.
"""
