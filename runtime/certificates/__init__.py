"""Kernels held against the reference on this machine: by a copy of a run, written down once."""
