"""Networks built from scratch."""
