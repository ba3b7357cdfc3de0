"""Names of the arrays that annotations speak of."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: Arrays of float64.
Array: TypeAlias = NDArray[np.float64]
#: Arrays of int64.
Ints: TypeAlias = NDArray[np.int64]
#: Arrays of booleans.
Bools: TypeAlias = NDArray[np.bool_]
#: Arrays of any numbers.
Numbers: TypeAlias = NDArray[Any]
