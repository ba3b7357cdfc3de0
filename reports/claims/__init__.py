"""Of the report: the claims of the verifier, and the errata of the paper."""
