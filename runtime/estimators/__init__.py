"""Modules that users import as part of `gradc`: `gradc.sklearn` is `sklearn.py` here.

`gradc` is one module, not a folder; its `__path__` is this folder, so that what lies here is
imported under its name.
"""
