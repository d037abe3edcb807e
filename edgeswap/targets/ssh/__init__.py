"""Boards that are reached through OpenSSH."""
