"""The `train` block: steps, optimizers, schedules."""
