"""Graph to graph: differentiation and what it needs to know, and nodes as expressions again."""
