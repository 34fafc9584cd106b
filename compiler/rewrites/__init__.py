"""Graph to graph for speed: laws of algebra, forms of convolutions, and what kernels want to read.

Each rewrite is shown by a small graph before and after it: `tests/compiler/rewrites/golden`.
"""
