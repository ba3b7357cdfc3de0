"""One fit on several devices: `rows` within a fit, `processes` around it."""
