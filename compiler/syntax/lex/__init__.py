"""Text to tokens: the lexer, newlines that separate, brackets, and recovery from what is misspelt.
"""
