"""What the machine is taken to be: costs of memory and arithmetic, and how long sums may grow."""
