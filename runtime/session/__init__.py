"""A program with numbers: what persists, what is given, where it runs, what it answers."""
