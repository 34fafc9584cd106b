"""Data read block by block while a network trains, for what does not fit into memory."""
