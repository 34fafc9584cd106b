"""Kernels as LLVM: the kernel language, its intrinsics and mathematics, the target."""
