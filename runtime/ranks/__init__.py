"""Processes that train one network together over MPI: who they are, and what they tell others."""
