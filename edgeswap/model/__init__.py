"""Model files: what is in one, whether it may be loaded, and the model object it holds."""
