"""A model inside other programs: a library and a program that need no Python."""
