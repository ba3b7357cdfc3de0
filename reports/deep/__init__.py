"""Figures of deep loops."""
