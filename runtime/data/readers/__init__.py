"""Data from outside: one reader for each format and each bundled set."""
