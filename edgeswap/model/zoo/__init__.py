"""Networks built from scratch."""

DIGITS_PREPROCESS = "unit"  # from the pixels of the digits to what the example takes
