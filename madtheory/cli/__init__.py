"""The command line: a file a command family, each with its options, its answers and its tables.

Every command prints a table, or one JSON object with ``--json``, and exits with 0, with 1 when a
claim fails, or with 2 and one line on stderr when the input is bad. `options`, `answer` and `table`
hold what families share. Nothing heavy is imported before a command needs it.
"""

import sys

try:
    from madtheory.cli.main import cli, main, run
except KeyboardInterrupt:  # while commands are loaded, before main() could say so
    print("madtheory: error: interrupted", file=sys.stderr)
    raise SystemExit(130) from None

__all__ = ["cli", "main", "run"]
