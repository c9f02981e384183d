"""What a worker process needs before work with torch begins, and how it keeps its memory while it trains."""

import ctypes
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import torch

TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX = -1, -3, -4
"""Numbers of glibc's settings, from its malloc.h."""
KEPT = {MMAP_MAX: 0, TRIM_THRESHOLD: 2**31 - 1}
USUAL = {MMAP_MAX: 65536, TRIM_THRESHOLD: 2**26, MMAP_THRESHOLD: 2**25}
"""The last two are where glibc's own adjusting ends in a process that has used large arrays."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Within, torch computes by one thread: the same bits on any machine, also in a process that is no worker."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def prepare_worker() -> None:
    """One thread for torch and OpenCV, and a log that is seen: without a relay a spawned process has no handler."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    if not logging.getLogger().handlers:
        logging.basicConfig(level=logging.WARNING, format="%(message)s")
        logging.getLogger("docsort").setLevel(logging.INFO)


@contextmanager
def freed_memory_kept(device: str) -> Iterator[None]:
    """Within, freed memory stays with the process for the next step, instead of going back and coming again zeroed.

    A training step on a CPU frees and wants the same hundreds of MB again and again; a tenth of its time went into page
    faults. The peak stays the same, and at the end what is free goes back. glibc only, and for the device "cpu" only:
    elsewhere nothing changes.
    """
    libc: Any = ctypes.CDLL(None) if sys.platform == "linux" and device == "cpu" else None
    if not hasattr(libc, "mallopt"):
        yield
        return
    for setting, value in KEPT.items():
        libc.mallopt(setting, value)
    try:
        yield
    finally:
        for setting, value in USUAL.items():
            libc.mallopt(setting, value)
        libc.malloc_trim(0)
