"""Which tensors carry which fake-quant, quantization-aware training by tfmot, calibration data."""
