"""Coral's Edge TPU: its compiler, and what it runs."""
