"""Text to tokens: the lexer, newlines that separate, brackets, recovery from what is misspelt."""
