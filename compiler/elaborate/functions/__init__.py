"""Functions of the language on values: arithmetic, tensors, sequences, contractions."""
