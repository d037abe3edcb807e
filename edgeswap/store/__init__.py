"""The run store: results of stages, kept under a hash of all that they were made from."""
