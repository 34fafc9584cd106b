"""The language that kernels are written in: a small part of Numba's Python, translated to LLVM.

Numbers, addresses, loops over `range`, calls of functions that say their types.  Every name has one
type, so nothing is inferred, and a kernel becomes LLVM instructions in one walk over its tree:
ten times faster than Numba does it, and without importing Numba.  What a kernel means is what Numba
makes of it; the tests compile kernels with both and compare the numbers.

    types        numbers, addresses, tuples, signatures
    declare      `subroutine` and `intrinsic`: what kernels may call
    convert      literals and conversions between types
    expressions  an expression becomes a value
    statements   statements become blocks
    translate    functions become one LLVM module
"""
