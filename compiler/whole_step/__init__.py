"""A small entry as one kernel: unrolled, its words in registers, vectorised over the batch."""
