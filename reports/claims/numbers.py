"""Section 1: every claim of the verifier, as it came out."""

from __future__ import annotations

import math

from madtheory.claims.verify import ALPHA, POWER, verify
from madtheory.files import jsonable
from madtheory.reports._types import Numbers


def compute(config: Numbers) -> Numbers:
    """Run the verifier on all claims (or on those named) and count."""
    report = verify(level=config["level"], claims=config.get("claims"), seed=config["seed"])
    claims = [jsonable(claim) for claim in report.claims]
    for claim in claims:
        claim["estimate_se"] = [claim["estimate"], claim["se"]]
    return {
        "claims": claims,
        "count": len(claims),
        "passed": sum(claim["passed"] for claim in claims),
        "mutants_rejected": sum(claim["mutant_rejected"] for claim in claims),
        # Rounded down: "at least 1" would claim too much.
        "least_power": min(math.floor(1e4 * min(c["power"] for c in claims)) / 1e4, 0.9999),
        "largest_z": max(abs(claim["z"]) for claim in claims),
        "exact": sum(claim["status"] == "exact" for claim in claims),
        "family_wise_error": report.family_wise_error,
        "alpha": ALPHA,
        "required_power": POWER,
        "level": config["level"],
    }
