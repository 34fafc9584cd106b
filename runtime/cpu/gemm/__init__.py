"""Kernels that every model shares: their geometry arrives as arguments, so they compile once.

Each module makes one kernel: `kernel(word)` gives the Python function for 4- or 8-byte numbers.
Operands are in the order [A, B, Y]; an extent of -1 stands for the range begin..end of the call.
"""
