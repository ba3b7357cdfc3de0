"""Theory of the loops: exact laws and recursions, each with its status (docs/theory.md).

`collapse` has the fully synthetic loop, `moments` first and second moments of every loop,
`distance` E W2^2, `worth` what a loop is worth in real samples, `verdicts` what that means.
Bad arguments raise ValueError or TypeError with one sentence that names the argument, the rule
and the value; a valid loop that a function does not cover raises
:class:`madtheory.loop.UnsupportedLoop`.
"""
