"""The table of tools, `python -m benchmarks.compare`: what it holds is in `rows`, by whom in `tools`."""
