"""Arrays in and out of an entry's words: packed sequences, constants, buffers of inputs."""
