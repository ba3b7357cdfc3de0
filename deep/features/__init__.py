"""What images are compared by: features of a small network trained here, or of the user's own."""

from madtheory.deep.features.lenet import Extractor, train_lenet

__all__ = ["Extractor", "train_lenet"]
