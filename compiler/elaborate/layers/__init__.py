"""Layers: definitions with settings, applied, copied, mapped, and stepped through time."""
