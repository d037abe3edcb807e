"""The version of the package, in a module of its own so that no room has to import the public API for it."""

__version__ = "0.1.0"
