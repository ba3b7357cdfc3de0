"""Files: written whole or not at all, read with suspicion.

`atomic` writes, by the calls of `disk`; `canonical` turns values into text and digests, `features`
reads data sets, and `run_folder` has what all long runs keep on disk. Whatever is wrong with a file
is a ValueError of one sentence that names it.
"""

from madtheory.files.atomic import (
    atomic_stream,
    atomic_write_bytes,
    atomic_write_json,
    atomic_write_text,
)
from madtheory.files.canonical import (
    canonical_json,
    json_text,
    jsonable,
    seal,
    sha256,
    sha256_file,
)
from madtheory.files.features import feature_eigenvalues, load_features, load_numbers, load_sets

__all__ = [
    "atomic_stream",
    "atomic_write_bytes",
    "atomic_write_json",
    "atomic_write_text",
    "canonical_json",
    "feature_eigenvalues",
    "json_text",
    "jsonable",
    "load_features",
    "load_numbers",
    "load_sets",
    "seal",
    "sha256",
    "sha256_file",
]
