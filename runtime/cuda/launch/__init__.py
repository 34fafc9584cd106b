"""A step as a graph of kernel launches: data, which a simulator walks and a driver launches.

`arena` says where each word lies; `step_calls` lists the calls of kernels that a step makes, in
order, with the words that each reads and writes; `step_graph` makes nodes and edges of them,
`merge_calls` one node of several calls that do not wait for one another; `verify_edges` checks the
edges against what is read and written.
"""
