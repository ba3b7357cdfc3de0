"""Run the command line with ``python -m madtheory``."""

from madtheory.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
