"""Of the report: the fresh data loop, and both loops on real images."""
