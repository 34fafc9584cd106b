"""`gradc lsp`: the answers of `gradc_compiler.editor`, spoken in the Language Server Protocol.

`language_server.py` has a function for each question, `text_positions.py` the only place where
columns are counted as editors count them, and `open_specs.py` what is known of each open file.
"""
