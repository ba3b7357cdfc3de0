"""The tables, figures and pages of the report."""
