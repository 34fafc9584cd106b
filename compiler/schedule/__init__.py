"""From an optimised graph to a table of kernel calls.

In order: `prepare` (copies where a kernel wants another layout), `phases` (what runs for every
example, what once), `units` (which nodes form one kernel), `order`, `layout` (where each axis
lies), `nest` and `contraction` (the loops of a unit), `work` (how much they have to do), `buffers`
(which words), `barriers` (who waits for whom), `plan` (all of it, giving an `Entry`).
"""
