"""What an editor asks of a spec while it is written: all of it from text, nothing of a protocol.

`analysis.py` runs the stages as far as they go; `occurrences.py` says what each name stands for;
`hover.py`, `completion.py`, `fixes.py` and `token_kinds.py` answer from that.  The server that
speaks with editors is in `runtime/cli/language_server`; the grammars for colours are written by
`grammar_files.py` from `words.py`.
"""
