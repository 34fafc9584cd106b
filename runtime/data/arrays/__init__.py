"""Data in memory: arrays with named fields, checked, shuffled, mended."""
