"""One thread for the numeric libraries of a process: of workers, and of the main process of a run beside them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
}
"""Read by these libraries when they are imported."""


@contextmanager
def held_to_one_thread() -> Iterator[None]:
    """Within, the libraries of this process compute by one thread each: those that are there, and those that are loaded
    there, which keep to it afterwards.

    Workers use each core once. Two threads of BLAS beside them spin while they wait for each other: a regression of
    less than a second took seventeen.
    """
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
