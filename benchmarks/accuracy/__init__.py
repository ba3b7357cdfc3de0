"""Not speed but errors: how often intervals hold, and where other libraries fail."""
