"""Source text and places in it, diagnostics and how they look, and what callers may hand in."""
