"""What can be int8, and where."""
