"""A tree laid out in the one way there is: documents, filled to the width of a page."""
