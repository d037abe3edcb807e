"""Activations: the catalog (data), the layers that Keras lacks, plots."""
