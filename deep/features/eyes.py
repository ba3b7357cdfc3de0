"""What sees the images of a loop: a network of the user's own, or a LeNet trained here."""

from __future__ import annotations

from dataclasses import dataclass

from madtheory._types import Array, Ints, Numbers
from madtheory.deep.data.sets import DataSet
from madtheory.deep.features.exported import Exported
from madtheory.deep.features.lenet import Classifier, train_lenet


@dataclass(slots=True)
class Eyes:
    """Features and labels of images; the LeNet is trained when it is first asked."""

    data: DataSet
    own: Exported | None = None
    _lenet: Classifier | None = None

    @property
    def lenet(self) -> Classifier:
        """A LeNet trained on the real training set."""
        if self._lenet is None:
            self._lenet = train_lenet(self.data)
        return self._lenet

    def features(self, images: Numbers) -> Array:
        """Features, shape (n, k)."""
        return (self.own or self.lenet).features(images)

    def labels(self, images: Numbers) -> Ints | None:
        """The likeliest class of each image, by the LeNet; none where there are no classes."""
        return self.lenet.labels(images) if self.data.classes else None
