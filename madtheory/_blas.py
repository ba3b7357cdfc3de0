"""One BLAS thread where threads cost more than they bring."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["one_thread"]


@cache
def _controller() -> Any:
    """Controller of the BLAS libraries in use; the one that numba calls is loaded first."""
    import scipy.linalg.cython_blas
    import scipy.linalg.cython_lapack  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep BLAS on one thread: for kernels that run in parallel, and for many small products."""
    with _controller().limit(limits=1, user_api="blas"):
        yield
