"""Curves of deep loops held against the theory, by rules fixed before (docs/deep_rules.md)."""

from madtheory.deep.compare.comparison import Comparison, Judged, Reading, compare

__all__ = ["Comparison", "Judged", "Reading", "compare"]
