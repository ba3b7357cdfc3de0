"""What each claim says and predicts, and what the verifier found at the quick level."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from madtheory import claims
from madtheory.claims.verify import verify


def entries() -> Iterator[tuple[str, Any]]:
    """Every claim without its simulation."""
    for claim in claims.CLAIMS:
        predicted = claim.predict()
        yield (
            claim.id,
            {
                "reference": claim.reference,
                "statement": claim.statement,
                "status": claim.status,
                "scale": claim.observe.words,
                "size": claim.size,
                "side": claim.side,
                "computed": claim.computed,
                "predicted": [predicted.value, predicted.deviation, predicted.error],
                "mutant": claim.mutant.words,
                "mutant_predicted": claim.mutant.mutate(predicted.value),
            },
        )


def verdicts() -> Iterator[tuple[str, Any]]:
    """What simulation says of each claim, seed 0: minutes."""
    for verdict in verify(level="quick", seed=0).claims:
        found = {
            name: getattr(verdict, name)
            for name in ("observations", "estimate", "se", "z", "p", "power", "smallest_error")
        }
        yield verdict.id, {**found, "rejected": verdict.mutant_rejected, "passed": verdict.passed}
