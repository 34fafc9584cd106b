"""A group of nodes as a loop nest: loops, memory accesses, scalar code."""
