"""Training of float and fake-quant models."""
