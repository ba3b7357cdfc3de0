"""Of the report: mixtures and vocabularies."""
