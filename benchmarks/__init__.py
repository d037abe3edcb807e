"""Runs that show what edgeswap claims; each writes its section of benchmarks/README.md."""
