"""What may be written after `gradc`: one declaration a file, nothing heavy imported."""
