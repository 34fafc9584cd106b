"""Notebooks: a cell that is a spec (`cell_magic.py`), a gradient that tells itself (`derive.py`)."""
