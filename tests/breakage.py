"""Break each formula by 2 % and see which tests and claims go red.

    python tests/breakage.py [--only NAME ...] [--out breakage.json]

Works on a copy of the package: a line is appended to the module that multiplies what the function
returns by 1.02 (logarithms and exponents are multiplied too; bounds are moved across the truth by
the claim's own mutant instead). Then the module's tests and the quick claims run. A formula that
nothing catches makes the script exit 1.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: module -> (functions, test files)
FORMULAS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "wishart": (
        (
            "c4",
            "log_chi_square_mean",
            "log_chi_square_variance",
            "chi_square_moment",
            "lyapunov_exponents",
            "log_det_mean",
            "log_det_variance",
            "second_moment_map",
            "trace_noise_variance",
            "trace_noise_cdf",
            "anti_concentration_minimum",
        ),
        ("tests/unit/test_wishart.py",),
    ),
    "collapse": (
        (
            "lyapunov_spectrum",
            "rate",
            "critical_bias",
            "half_life",
            "condition_growth",
            "directional_log_mean",
            "directional_log_variance",
            "directional_moment",
            "directional_cdf",
            "directional_log_quantile",
            "log_det_mean",
            "log_det_variance",
            "mean_trace",
            "mean_walk",
            "mean_trace_squared",
            "mean_squared_trace",
            "first_passage_cdf",
        ),
        ("tests/unit/test_collapse.py", "tests/property/test_collapse_laws.py"),
    ),
    "collapse_distance": (
        ("w2_squared", "w2_squared_limit", "w2_squared_high_dimension"),
        (
            "tests/unit/test_collapse_distance.py",
            "tests/property/test_collapse_distance_laws.py",
        ),
    ),
    "spectrum": (
        ("moment_limit", "sqrt_trace_limit", "mean_sqrt_trace"),
        ("tests/unit/test_spectrum.py",),
    ),
    "recursions": (
        (
            "first_moment_map",
            "first_moments",
            "first_moments_limit",
            "forgetting_rate",
            "second_moment_map",
            "second_moments",
            "w2_squared_limit",
        ),
        ("tests/unit/test_recursions.py", "tests/property/test_fresh_laws.py"),
    ),
    "effective": (
        (
            "baseline",
            "baseline_leading",
            "effective_sample_size",
            "mean_effective_size",
            "leading_gain",
            "admissible_n_synth",
            "admissible_n_synth_limit",
            "fraction_floor",
            "fraction_effective_size",
        ),
        ("tests/unit/test_effective.py",),
    ),
    "families": (
        (
            "augmentation_limit",
            "augmentation_gain_leading",
            "growing_pool_trace",
            "growing_pool_limit",
            "memory_limit",
            "memory_limit_all",
            "weighted_limit",
            "golden_weight",
        ),
        ("tests/unit/test_families.py",),
    ),
    "estimators": (
        (
            "mean_trace",
            "mean_walk",
            "mean_walk_growth",
            "shrinkage_second_moment_map",
            "second_moment_growth",
            "second_moments",
            "stationary_second_moments",
            "shrinkage_rate",
            "stationary_mean",
            "stationary_moment",
            "stationary_tail_index",
            "stationary_cdf",
            "stationary_quantiles",
            "stationary_quantiles_limit",
        ),
        ("tests/unit/test_estimators.py", "tests/property/test_estimator_laws.py"),
    ),
    "definitions": (("pool_exponent",), ("tests/unit/test_definitions.py",)),
    "_system": (
        ("path", "limit", "radius"),
        ("tests/unit/test_system.py", "tests/unit/test_families.py"),
    ),
    "_tensors": (
        ("second_moments", "second_moments_limit"),
        ("tests/unit/test_tensors.py", "tests/property/test_tensors.py"),
    ),
    "_mixture_distance": (
        ("w2_squared", "w2_squared_limit"),
        ("tests/unit/test_recursions.py", "tests/statistical/test_mixture_distance.py"),
    ),
}

PATCH = """

def _broken(function):  # appended by tests/breakage.py
    import dataclasses
    import functools

    def worse(x):
        if x is None:
            return None
        if dataclasses.is_dataclass(x):
            first = dataclasses.fields(x)[0].name
            return dataclasses.replace(x, **{first: worse(getattr(x, first))})
        if hasattr(x, "_replace"):
            return type(x)(*(worse(part) for part in x))
        if isinstance(x, tuple):
            return (worse(x[0]), *x[1:])
        return x * 1.02

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        return worse(function(*args, **kwargs))

    return wrapped


NAME = _broken(NAME)
"""

CLAIMS_SCRIPT = """
import json, sys
from madtheory.claims import CLAIMS, verify
red = []
for claim in CLAIMS:
    try:
        verdict = verify.judge(claim, n_claims=len(CLAIMS))
        if verdict.p < verify.ALPHA / len(CLAIMS):
            red.append(claim.id)
    except Exception:
        pass  # a claim that cannot be tested refutes nothing
print(json.dumps(red))
"""


def _copy(folder: Path) -> None:
    for name in ("madtheory", "proofs", "reports", "tests"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True)
    shutil.copy(ROOT / "pyproject.toml", folder)


def _python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python on the copy."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )


def _tests_red(folder: Path, files: tuple[str, ...]) -> bool:
    return (
        _python(folder, "-m", "pytest", "-q", "-x", "--no-header", "--tb=no", *files).returncode
        != 0
    )


def _claims_red(folder: Path) -> list[str]:
    result = _python(folder, "-c", CLAIMS_SCRIPT)
    return list(json.loads(result.stdout)) if result.stdout else ["the import fails"]


def break_one(folder: Path, module: str, name: str) -> dict[str, object]:
    """Break one formula in the copy, run its tests and all claims, and mend it again."""
    path = folder / "madtheory" / f"{module}.py"
    source = path.read_text()
    path.write_text(source + PATCH.replace("NAME", name))
    try:
        return {
            "formula": f"{module}.{name}",
            "tests_red": _tests_red(folder, FORMULAS[module][1]),
            "claims_red": _claims_red(folder),
        }
    finally:
        path.write_text(source)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=None)
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _copy(folder)
        for module, (functions, _) in FORMULAS.items():
            for function in functions:
                if arguments.only and f"{module}.{function}" not in arguments.only:
                    continue
                rows.append(break_one(folder, module, function))
                print(json.dumps(rows[-1]), flush=True)
    if arguments.out:
        arguments.out.write_text(json.dumps(rows, indent=1) + "\n")
    missed = [row["formula"] for row in rows if not (row["tests_red"] and row["claims_red"])]
    print(f"{len(rows)} formulas broken, not caught by both a test and a claim: {missed}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
