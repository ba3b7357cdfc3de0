"""Of the report: memory, augmentation, growing pools, weights."""
