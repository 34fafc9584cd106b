"""Object code: built, kept in a cache, loaded."""
