"""Broken and absurd input for every command that reads a file: `python -m benchmarks.hostile`."""
