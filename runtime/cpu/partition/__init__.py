"""How work is divided: batches into tiles, instructions over threads, sums into chunks."""
