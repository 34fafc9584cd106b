"""Threads that stay in native code: the pool, a worker's life, fork and join."""
