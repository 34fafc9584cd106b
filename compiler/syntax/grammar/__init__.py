"""The grammar: its tables, the tree that it builds, and that tree as text again."""
