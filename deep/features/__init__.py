"""What images are compared by: features of a small network trained here, or of the user's own."""

from madtheory.deep.features.exported import read_exported
from madtheory.deep.features.eyes import Eyes

__all__ = ["Eyes", "read_exported"]
