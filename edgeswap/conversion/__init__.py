"""From a tf_keras model to the bytes of a .tflite, in a process of its own."""
