"""Engines that read nothing but the colour of a page, in workers: a worker cannot import a test's own file."""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from docsort.reading.parameters import EngineParameters
from docsort.reading.reader import read_photos
from docsort.reading.text import PageText

HANGING, DEADLY, FAILING = (250, 0, 0), (0, 250, 0), (0, 0, 250)
"""Colours of pages that cannot be read."""

COUNTED = "DOCSORT_TEST_READ_PAGES"
"""The environment variable with the folder that gets a file for every page that is read."""


def coloured(colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A page of one colour."""
    return np.full((60, 40, 3), colour, dtype=np.uint8)


class ColourEngine:
    """One line on every page, with the page's colour as its text."""

    def detect(self, page: NDArray[np.uint8]) -> NDArray[np.float32]:
        """One box; or no return, as the colour says."""
        folder = os.environ.get(COUNTED)
        if folder:
            (Path(folder) / f"{os.getpid()}-{time.monotonic_ns()}").touch()
        while _is(page, HANGING):
            pass
        if _is(page, DEADLY):
            os.kill(os.getpid(), signal.SIGKILL)
        if _is(page, FAILING):
            raise RuntimeError("no such operator")
        return np.array([[[4, 10], [34, 10], [34, 20], [4, 20]]], dtype=np.float32)

    def recognise(self, lines: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        """The mean of each channel, in tens."""
        return [(" ".join(str(round(value / 10)) for value in line.mean(axis=(0, 1))), 0.5) for line in lines]


def open_colours(parameters: EngineParameters) -> ColourEngine:
    """For `opener`."""
    return ColourEngine()


def open_none(parameters: EngineParameters) -> ColourEngine:
    """For `opener`, where nothing may be read."""
    raise AssertionError("an engine was opened")


def read_within(photos: Sequence[NDArray[np.uint8]], parameters: EngineParameters) -> list[PageText]:
    """For a worker, as a member does it."""
    return read_photos(photos, parameters, open_colours)


def _is(page: NDArray[np.uint8], colour: tuple[int, int, int]) -> bool:
    return bool((np.abs(page.astype(int) - colour) < 30).all())
