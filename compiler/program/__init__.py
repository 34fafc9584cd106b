"""What the runtime gets: a program, its entries as tables, and the kernels' numbers."""
