"""How many additions a term may go through, one after another.

Note [How long a chain of additions is].  A sum of n terms is off by at most (the longest chain of
additions that a term goes through) eps times the sum of their absolute values (Higham, SIAM J. Sci.
Comput. 14(4), 1993).  The language promises (c + log2(n / c)) eps with c at most 1,024, so a chain
has no more additions than that.  A *compensated* sum counts as three, however long: what rounding
loses goes into the next term (Kahan, Comm. ACM 8(1), 1965).  n eps must be small beside 1 / eps.
The kinds of sums, and their chains:

    sum                           chain
    ----------------------------  -----------------------------------------------------------------
    of one operand, n known       up to LONG as one loop: n.  Longer ones are cut into blocks of 256
                                  terms, and their sums again, until those are at most 512: 1,024
                                  in four steps for 2^32 terms (`split_long_sums.py`)
    product of two, on a CPU      256 in a register of a tile (512 in a panel of `contract_dots`,
                                  256 and the log2 of its lanes in a tile), then at most 256 pieces
                                  in memory; of more (`runtime/cpu/gemm/long_sums.py`) at most
                                  128 in a tile of the result of its own, and these compensated
    any strides, on a CPU         256 in a register, then compensated
    over the time of a sequence   compensated, row by row (`Store.PAIR`), unless the time is fixed
                                  and at most LONG: then its steps
    scatter, add_along            compensated, if it has more than LONG rows; else their number
    running sums                  up to LONG one after another; of more each compensated
    mean over examples or rows,   in a register 256 terms, 256 such blocks, and then those into the
    few or single numbers         chunk's partial sums: one a block, or one for 65,536 rows
    the same, in memory           an example's own terms first, at most 512 or cut as above; then
                                  one addition an example of the block, at most 256
    mean of products              as a product of two, with the block's rows among the terms
    mean over rows of sequences   the same: as a product with 1, unless single numbers
    blocks of a chunk             as many as make 256 additions (`reduction_chunks.py`), or one
    chunks                        128 one after another, and then those sums compensated
    whole step as a kernel        an example's own terms, at most 512; the examples in a register,
                                  if that makes at most LONG terms; else 256 examples, and their
                                  sums: at most 32; of vectors of examples the lanes in pairs, then
                                  a vector's sums in memory, at most 256
    on a GPU                      256 terms in a register, then compensated
    product in tiles on a GPU     LONG in a register, or with those in memory at most LONG; over
                                  rows LONG less a step, and then compensated, as are its parts
    the reference                 256 or 1,024 terms, and those sums again, or in pairs
                                  (`compiler/ops/pairwise_sums.py`)

Windows that overlap in the result (a transposed convolution) add to a word as often as they meet
there; those that would more than 512 times, in pieces, are cut (`split_overlaps.py`).  Chains are
counted in the loops and the geometry of what is run (`chain_lengths.py`, `longest_chain.py`), for
every spec.
"""

from __future__ import annotations

IN_A_ROW = 256  # terms that are added up one after another, where a sum is cut
LONG = 1024  # terms from which a sum is cut
AGAIN = 2 * IN_A_ROW  # terms from which a sum of sums is cut
BLOCKS = 256  # sums that are added up one after another, of blocks of a sum of unknown length
IN_PIECE, IN_PANEL = IN_A_ROW, 2 * IN_A_ROW  # terms of a product's sum in registers
MOST_PIECES, OF_PIECES = 256, 128  # of these in memory; into a compensated sum
MOST_CHUNKS = 128  # sums over chunks; those of more are compensated
ADDED = 256  # additions of blocks into a chunk's partial sums
SUMMED = 128  # terms of the reference's product in one piece
MOST_SUMMED = SUMMED * 512  # terms that it adds up in such pieces
COMPENSATED = 3  # additions, for whose rounding errors a compensated sum stands
OF_LANES = 4  # of the lanes of the widest vector, in pairs
