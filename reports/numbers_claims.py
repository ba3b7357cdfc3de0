"""Section 1: every claim of the verifier, as it came out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from madtheory._io import jsonable
from madtheory.verify import ALPHA, POWER, verify

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["compute"]


def compute(config: Mapping[str, Any]) -> dict[str, Any]:
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
        "least_power": min(claim["power"] for claim in claims),
        "largest_z": max(abs(claim["z"]) for claim in claims),
        "exact": sum(claim["status"] == "exact" for claim in claims),
        "family_wise_error": report.family_wise_error,
        "alpha": ALPHA,
        "required_power": POWER,
        "level": config["level"],
    }
