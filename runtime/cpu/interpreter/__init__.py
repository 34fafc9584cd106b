"""The native loop and the table that it goes through, word by word."""
