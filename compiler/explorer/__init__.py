"""The explorer: one page, from disk, on which a gradient can be looked at and played.

`view.py` says what there is to see, as plain data; `blocks.py` which operators are one layer;
`page.py` puts data, style and scripts (`parts`) and the layout library (`vendor`) into one file.
"""
