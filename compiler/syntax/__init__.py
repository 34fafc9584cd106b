"""Text to tree and back: `lex` makes tokens, `parse` a tree, `pretty` lays one out again."""
