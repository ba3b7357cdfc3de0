"""Speed and memory of the simulators."""

__all__: list[str] = []
