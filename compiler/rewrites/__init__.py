"""Graph to graph for speed: laws of algebra, forms of convolutions, and what kernels want to read.
"""
