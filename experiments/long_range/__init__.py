"""How far a mixer remembers: probes at their training length and beyond."""
