"""The explorer: one page with sliders that says what a loop comes to."""
