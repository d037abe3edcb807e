"""The functions of `import edgeswap`, each with every keyword written out; calling one imports what it needs."""
