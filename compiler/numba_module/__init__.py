"""A spec as one Python file that needs NumPy and Numba: read, edited and run without gradc."""
