"""Whole-step fusion: a small entry as one kernel, unrolled or vectorised over the batch."""
