"""`python -m edgeswap.cli`: the command line, for processes that edgeswap starts of itself."""

from edgeswap.cli.main import main

if __name__ == "__main__":
    main()
