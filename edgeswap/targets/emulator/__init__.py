"""Raspberry Pis in QEMU, on this machine."""
