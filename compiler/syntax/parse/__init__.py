"""Tokens to a tree, and from the place where that fails to one sentence about it."""
