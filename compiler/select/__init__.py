"""Kernel selection: a library kernel or loops of its own for each fusion group; the table built."""
