"""Drawn pages on disk, measured."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from docsort.images.measures import measure_images
from docsort.tables import PHOTOS

Page = NDArray[np.uint8]

CLASSES = pd.DataFrame({"target": [3, 7, 14], "class_name": ["admission", "outpatient", "opinion"]})


def draw_page(seed: int, height: int = 420, width: int = 310) -> Page:
    """Off-white paper with a heading, lines of words and a few boxes: (H, W, 3)."""
    rng = np.random.default_rng(seed)
    page = np.full((height, width, 3), 244, dtype=np.uint8)
    cv2.rectangle(page, (20, 15), (int(rng.integers(90, width - 20)), 34), rng.integers(0, 120, 3).tolist(), -1)
    for top in range(55, height - 20, int(rng.integers(11, 19))):
        left = int(rng.integers(14, 40))
        while left < width * rng.uniform(0.4, 1.0) - 30:
            right = left + int(rng.integers(8, 45))
            cv2.rectangle(page, (left, top), (min(right, width - 12), top + 5), rng.integers(10, 110, 3).tolist(), -1)
            left = right + 6
    for _ in range(int(rng.integers(1, 4))):
        x, y = int(rng.integers(20, width - 90)), int(rng.integers(60, height - 80))
        cv2.rectangle(page, (x, y), (x + int(rng.integers(30, 70)), y + int(rng.integers(20, 60))), (60, 60, 160), -1)
    return page


def draw_form(seed: int) -> Page:
    """One form whatever the seed: heading, ruled table, captions; only what is filled in differs."""
    rng = np.random.default_rng(seed)
    page = draw_page(0)
    page[48:] = 244
    for row in range(9):
        top = 60 + row * 38
        cv2.rectangle(page, (20, top), (290, top + 38), (40, 40, 40), 1)
        cv2.line(page, (100, top), (100, top + 38), (40, 40, 40), 1)
        cv2.putText(page, ("Name", "Date", "No.")[row % 3], (26, top + 24), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1)
        text = "".join(rng.choice(list("ABDEGHKMNRSWX1234567 "), int(rng.integers(3, 12))))
        cv2.putText(page, text, (108, top + 25), cv2.FONT_HERSHEY_SIMPLEX, 0.65, (20, 20, 90), 2)
    return page


def write_images(folder: Path, pages: Mapping[str, Page]) -> pd.DataFrame:
    """Writes pages as JPEG and measures them; ids that start with `test` are test images. Table IMAGES."""
    rows = []
    for position, (name, page) in enumerate(pages.items()):
        path = folder / f"{name}.jpg"
        Image.fromarray(np.ascontiguousarray(page)).save(path, quality=92)
        split = "test" if name.startswith("test") else "train"
        rows.append((path.name, split, str(path), None if split == "test" else 3, position))
    photos = pd.DataFrame(rows, columns=list(PHOTOS)).astype({"target": "Int64"})
    return measure_images(photos)[0]


@pytest.fixture(scope="session")
def classes() -> pd.DataFrame:
    return CLASSES


@pytest.fixture(scope="session")
def page() -> Callable[[int], Page]:
    return draw_page


@pytest.fixture(scope="session")
def form() -> Callable[[int], Page]:
    return draw_form


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Mapping[str, Page]], pd.DataFrame]:
    return partial(write_images, tmp_path)
