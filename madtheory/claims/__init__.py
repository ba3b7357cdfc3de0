"""Every statement of the theory as a claim that simulation could refute, and its verifier.

:data:`CLAIMS` is the one table, made of a file a topic; :mod:`madtheory.claims.verify` tests it.
"""

from typing import TYPE_CHECKING, Any

from madtheory.claims.claim import Claim, Mutant, Observation, Prediction, Side, Status
from madtheory.claims.table import CLAIMS

if TYPE_CHECKING:
    from madtheory.claims.verify import ALPHA, POWER, Level, Verdict, Verification, judge
else:

    def __getattr__(name: str) -> Any:
        """Load the verifier when it is asked for: it needs statsmodels."""
        if name not in ("ALPHA", "POWER", "Level", "Verdict", "Verification", "judge"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from madtheory.claims import verify

        return getattr(verify, name)


__all__ = [
    "ALPHA",
    "CLAIMS",
    "POWER",
    "Claim",
    "Level",
    "Mutant",
    "Observation",
    "Prediction",
    "Side",
    "Status",
    "Verdict",
    "Verification",
    "judge",
]
