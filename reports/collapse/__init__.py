"""Of the report: the fully synthetic loop."""
