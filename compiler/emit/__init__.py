"""From loop nests to readable kernel source: `cpu.py` and `cuda.py` side by side."""
