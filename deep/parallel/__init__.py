"""Fits and samples on several devices: `rows` within the work, `processes` around it."""
