"""Real data: sets by name, IDX files, folders of images."""
