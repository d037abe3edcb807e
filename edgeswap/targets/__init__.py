"""Where models run to be measured."""
