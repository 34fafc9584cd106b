"""The command line: `gradc check`, `train`, `eval`, `run`, `show`, `explain`, `verify`, ...

Two halves, so that help is instant.  `commands/` says what may be written after `gradc`, one
command a file, and imports nothing but click; `actions/` does the work and imports what it needs,
when a command is really run.  Data goes to standard output, all else to standard error; `faults`
turns whatever goes wrong into a line and an exit code.
"""
