"""Of the report: definitions of collapse, the map of all loops, other estimators."""
