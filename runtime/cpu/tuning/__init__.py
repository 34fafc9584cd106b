"""Time measured: of tiles, of instructions, of the machine."""
