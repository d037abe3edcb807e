"""What a float model says of data, and what follows from it."""
