"""The study: what a transformation did, told to a person.

The derivative of a loss as numbered steps of the chain rule (`derivation.py`, in `text_form.py`,
`latex_form.py`), formulas as a textbook writes them (`textbook_formula.py`, `read_back.py`).
Nothing here computes: it reads graphs that others made.
"""
