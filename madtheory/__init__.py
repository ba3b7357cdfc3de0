"""Exact, checkable theory of self-consuming generative loops."""

from importlib.metadata import version

__all__ = ["__version__"]
__version__ = version("madtheory")
