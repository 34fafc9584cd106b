"""Notebooks: a cell that is a spec (`cell_magic.py`), gradients that tell themselves."""
