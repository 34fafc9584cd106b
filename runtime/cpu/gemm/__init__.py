"""Library kernels: matrix products in all their forms, copies and fills, compiled once for every
model.  Sizes and strides (the *geometry*) arrive as arguments; `compiler/program/kernel_abi.py`
says which number is which.

A product Y (+)= A B is built in the layers of BLIS, from the inside out:

    micro_kernel.py     a tile of Y in vector registers, summed without a store
    strips.py           all rows of a strip of columns, out of such tiles
    macro_kernel.py     all rows and columns of a product, strip by strip
    packing.py          columns of B copied, so that tiles read them vector after vector
    packed_blocks.py    blocks of both operands copied, where a product is large
    packed_dots.py      the same of products with a transposed matrix
    column_blocks.py    strips of weights copied once for all pixels
    weight_strips.py    weights of a built model in such strips, before it is called
    copy_lines.py       the copies
    sum_pieces.py       a long sum, out of products with fewer terms
    outer_loops.py      the loops around a product, such as those over the taps of a convolution
    own_geometry.py     the geometry of one product of those loops
    long_sums.py        the same loops for sums so long that their rounding error is carried along
    pairs.py            operands rounded to bfloat16, and packed in pairs (`pack_operands.py`)
    rounded.py          products of such operands
    matrix_tiles.py     the same by a matrix unit (AMX), for which `pack_tiles.py` packs

`gemm_nn`, `gemm_nt` and `depthwise` are the kernels built of these; `reference_gemm` is the kernel
for strides that no tile can have.  `simd_builder.py` writes the instructions on vectors, and
`write_sums.py` those with which a tile ends.

A module with a kernel has `kernel(word)`, which gives the Python function for numbers of 4 or 8
bytes.  Operands are in the order [A, B, Y].  An extent of -1 stands for the length of the range
begin..end that the kernel is called for.

Van Zee & van de Geijn, "BLIS: a framework for rapidly instantiating BLAS functionality", ACM TOMS
41, 2015.
"""
