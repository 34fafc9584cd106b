"""What the commands do, one action a file; imported when a command is run."""
