"""Expressions: what each kind means, the table of built-in functions, and the context."""
