"""Types as written against types as found: sizes, unification, and hints for repairs."""
