"""Rewrites by laws of algebra, one a file; `passes.py` has them all, in order."""
