"""A microcontroller's kernels, by TensorFlow Lite for Microcontrollers on this machine."""
