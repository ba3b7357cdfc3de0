"""Make words.csv: ``python reports/data/make_words.py PAPER.txt``."""

import sys
from pathlib import Path

from madtheory import files
from madtheory.reports.modes.words import SOURCE, count_words, words_csv


def main(path: str) -> None:
    """Count the words of the text at `path` and write them beside this script."""
    text = Path(path).read_text(encoding="utf-8")
    table = words_csv(count_words(text), text_digest=files.sha256(text))
    files.atomic_write_text(SOURCE, table)


if __name__ == "__main__":
    main(sys.argv[1])
