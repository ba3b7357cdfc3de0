"""Section 1: every claim of the verifier, as it came out."""

from __future__ import annotations

import math
import statistics

from madtheory.claims.verify import ALPHA, POWER, verify
from madtheory.files import jsonable
from madtheory.reports._types import Numbers


def _smallest_errors(claims: list[Numbers]) -> Numbers:
    """Median and largest of the smallest errors that exact and asymptotic claims notice."""
    least = [c["smallest_error"] for c in claims if c["status"] in ("exact", "asymptotic")]
    return {"median": statistics.median(least), "largest": max(least)}


def compute(config: Numbers) -> Numbers:
    """Run the verifier on all claims (or on those named) and count."""
    report = verify(level=config["level"], claims=config.get("claims"), seed=config["seed"])
    claims = [jsonable(claim) for claim in report.claims]
    for claim in claims:
        claim["estimate_se"] = [claim["estimate"], None if claim["computed"] else claim["se"]]
        claim["sees"] = 100 * claim["smallest_error"]
    return {
        "claims": claims,
        "count": len(claims),
        "passed": sum(claim["passed"] for claim in claims),
        "mutants_rejected": sum(claim["mutant_rejected"] for claim in claims),
        # Rounded down: "at least 1" would claim too much.
        "least_power": min(math.floor(1e4 * min(c["power"] for c in claims)) / 1e4, 0.9999),
        "largest_z": max(abs(claim["z"]) for claim in claims if claim["z"] is not None),
        "computed": sum(claim["computed"] for claim in claims),
        "smallest_errors": _smallest_errors(claims),
        "exact": sum(claim["status"] == "exact" for claim in claims),
        "family_wise_error": report.family_wise_error,
        "alpha": ALPHA,
        "required_power": POWER,
        "level": config["level"],
    }
