"""What edgeswap needs of the machine: its files, its processes, its signals."""
