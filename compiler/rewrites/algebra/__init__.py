"""Laws of algebra, one a file; `ALGEBRA` in `compiler/rewrites/table.py` has them in order."""
