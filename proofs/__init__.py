"""Theorems behind :mod:`madtheory`, derived step by step with sympy."""
