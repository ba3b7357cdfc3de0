"""Run the benchmarks: python -m benchmarks."""

from benchmarks.bench import main

__all__: list[str] = []

main()
