"""Albumentations and Augraphy: imported late, every random generator of theirs seeded.

Both are slow to import (seconds) and albumentations imports torch, so they are loaded on first use, in a worker.

- albumentations asks the network for updates on import; each transform has its own generator, seeded here per call.
- augraphy draws from `random`, from `np.random` and, inside compiled kernels, from numba's own generators, which no
  Python-side seed reaches: all three are seeded per call. Its kernels are parallel: one thread is set, because two
  workers with threads are slower than one. Only single operations are called; `AugraphyPipeline` writes every page to
  `augraphy_cache/` in the working directory, from where BleedThrough, PageBorder and BookBinding paste other documents.
"""

import functools
import importlib
import os
import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np

from docsort.augmentation.context import Context, Image


@functools.cache
def albumentations() -> Any:
    """The library, without its look-up of newer versions."""
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    return importlib.import_module("albumentations")


@functools.cache
def transform_of(name: str, **fixed: Any) -> Any:
    """An Albumentations transform that is always done, built once a process.

    Building one validates its arguments, which costs as much as a cheap transform itself (0.3 ms); what differs from
    call to call is set by `apply_albumentations`. Not for several threads.
    """
    return getattr(albumentations(), name)(p=1, **fixed)


def apply_albumentations(transform: Any, page: Image, context: Context, **ranges: Any) -> Image:
    """One transform, its generators seeded from the context's.

    ranges: what the transform draws its numbers from, by the attributes that hold them; they are not validated again.
    """
    for name, span in ranges.items():
        # raises where a version of the library knows no such attribute, instead of setting one that nobody reads
        getattr(transform, name)
        setattr(transform, name, span)
    transform.set_random_seed(context.seed())
    return np.ascontiguousarray(transform(image=page)["image"])


@functools.cache
def augraphy() -> Any:
    """The module with the single operations; numba's kernels set to one thread."""
    # augraphy's `scribbles` uses it without importing it
    importlib.import_module("matplotlib.font_manager")
    module = importlib.import_module("augraphy.augmentations")
    importlib.import_module("numba").set_num_threads(1)
    return module


def apply_augraphy(operation: Any, page: Image, context: Context) -> Image:
    """One operation on a BGR copy of the page, every hidden generator seeded from the context's.

    The result is cut back to three channels; its size is what the operation made of it.
    """
    with hidden_generators(context.seed()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = np.asarray(operation(cv2.cvtColor(page, cv2.COLOR_RGB2BGR)), dtype=np.uint8)
    code = cv2.COLOR_GRAY2RGB if result.ndim == 2 else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(result, code), dtype=np.uint8)


@contextmanager
def hidden_generators(seed: int) -> Iterator[None]:
    """Seeds `random`, `np.random` and numba's two generators; the first two are put back afterwards."""
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    _numba_seeder()(seed)
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002


@functools.cache
def _numba_seeder() -> Callable[[int], None]:
    """Seeds the generators of compiled code; possible from compiled code only."""
    numba = importlib.import_module("numba")

    def seed_compiled(seed: int) -> None:
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002

    compiled: Callable[[int], None] = numba.njit(seed_compiled)
    return compiled
