"""Measured curves of deep loops held against the theory, by rules fixed before (deep_rules)."""
