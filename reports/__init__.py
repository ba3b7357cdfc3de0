"""The tables, figures and pages of the report.

``build`` writes it from what ``contents`` lists. A folder a topic: its ``contents`` say what is
computed at which size, its numbers are computed from madtheory, its figures and tables show them.
"""
