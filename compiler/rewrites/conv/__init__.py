"""Rewrites of convolutions: other forms of one contraction, each with fewer or wider operations."""
