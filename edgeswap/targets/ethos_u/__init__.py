"""Arm's Ethos-U NPUs, by what their compiler estimates."""
