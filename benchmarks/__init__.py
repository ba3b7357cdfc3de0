"""Speed and memory of the rooms: `python -m benchmarks`. Errors are measured in `accuracy`."""
