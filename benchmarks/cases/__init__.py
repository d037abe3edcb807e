"""Every folder of the shared cases, each against what is right: `python -m benchmarks.cases`."""
