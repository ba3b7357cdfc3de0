"""Every claim of the verifier, as it came out; computed in parts, judged together."""

from __future__ import annotations

import math

from madtheory._holm import holm
from madtheory.claims.table import CLAIMS
from madtheory.claims.verify import ALPHA, POWER, verify
from madtheory.files import jsonable
from madtheory.reports._types import Numbers


def _ids(config: Numbers) -> list[str]:
    return config.get("claims") or [claim.id for claim in CLAIMS]


def split(config: Numbers) -> list[Numbers]:
    """Neighbours stay together: they share compiled kernels."""
    ids, size = _ids(config), config["together"]
    return [{**config, "claims": ids[i : i + size]} for i in range(0, len(ids), size)]


def compute(config: Numbers) -> Numbers:
    """Run the verifier on the claims named."""
    report = verify(level=config["level"], claims=config["claims"], seed=config["seed"])
    claims = [jsonable(claim) for claim in report.claims]
    for claim in claims:
        claim["estimate_se"] = [claim["estimate"], claim["se"] or None]  # none where computed
    return {"claims": claims, "family_wise_error": report.family_wise_error}


def _refuted(claims: list[Numbers]) -> list[bool]:
    """Holm's rule over all claims that were sampled, whatever part they came from."""
    sampled = [claim for claim in claims if claim["p"] is not None]
    found = dict(
        zip((c["id"] for c in sampled), holm([c["p"] for c in sampled], ALPHA), strict=True)
    )
    return [found.get(claim["id"], False) for claim in claims]


def _judged(claim: Numbers, refuted: bool) -> Numbers:
    """Return a claim as it stands among all others; its part alone has a stricter rule."""
    if claim["p"] is None:
        return claim
    seen = claim["mutant_rejected"] and claim["power"] >= POWER
    return {**claim, "refuted": refuted, "passed": seen and not refuted}


def join(parts: list[Numbers], config: Numbers) -> Numbers:
    """All claims, and counts."""
    claims = [claim for part in parts for claim in part["claims"]]
    claims = [_judged(c, r) for c, r in zip(claims, _refuted(claims), strict=True)]
    powers = [claim["power"] for claim in claims]
    return {
        "claims": claims,
        "count": len(claims),
        "passed": sum(claim["passed"] for claim in claims),
        "mutants_rejected": sum(claim["mutant_rejected"] for claim in claims),
        # Rounded down: "at least 1" would claim too much.
        "least_power": min(math.floor(1e4 * min(powers)) / 1e4, 0.9999),
        "largest_z": max(abs(claim["z"]) for claim in claims if claim["z"] is not None),
        "computed": sum(claim["z"] is None for claim in claims),
        "exact": sum(claim["status"] == "exact" for claim in claims),
        "family_wise_error": parts[0]["family_wise_error"],
        "alpha": ALPHA,
        "required_power": POWER,
        "level": config["level"],
    }
