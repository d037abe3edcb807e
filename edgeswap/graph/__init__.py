"""The model as data: read from Keras, canonicalized, swapped, built again."""
