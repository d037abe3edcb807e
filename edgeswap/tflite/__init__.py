"""Reading, rewriting and judging `.tflite` files. Nothing here imports TensorFlow."""
