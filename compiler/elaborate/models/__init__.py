"""Models: each one's graph, its settings, and bodies whose sizes are open."""
