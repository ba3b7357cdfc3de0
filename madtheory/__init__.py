"""Exact, checkable theory of self-consuming generative loops."""

__all__ = ["__version__"]
# Written here, not asked of the installed distribution: that would cost every command 50 ms.
__version__ = "0.1.0"
