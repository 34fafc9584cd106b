"""A run: epochs, checkpoints, gradients watched, progress shown."""
