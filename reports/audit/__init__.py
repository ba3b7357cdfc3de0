"""Of the report: audits of loops whose truth is known."""
