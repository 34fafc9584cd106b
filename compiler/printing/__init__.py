"""Loop nests as text: one printer for each target."""
