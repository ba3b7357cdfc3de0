"""Of the report: what it says, in one minute."""
