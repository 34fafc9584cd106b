"""The operating system behind a few functions: files, locks, signals, memory, and faults in one
line.
"""
