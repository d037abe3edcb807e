"""edgeswap: a trained Keras model to a proven int8 .tflite. Importing this never imports TensorFlow."""

__version__ = "0.1.0"
