"""Drawn pages of three kinds, and what tables say of them."""

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.images.dihedral import apply_turn
from docsort.looking.features import describe
from docsort.looking.opinions import KEYS_OF_PAGES

Page = NDArray[np.uint8]
SIDE = 64
FOLDS = 3


def draw(kind: int, seed: int) -> Page:
    """A letterboxed page (SIDE, SIDE, 3): heading at the top left, then lines (0), a table (1) or a photo (2)."""
    rng = np.random.default_rng((kind, seed))
    page = np.full((SIDE, SIDE, 3), 255, dtype=np.uint8)
    page[:, 8:-8] = 240
    cv2.rectangle(page, (12, 4), (int(rng.integers(26, 34)), 8), (30, 30, 30), -1)
    for row in range(14, 60, 5):
        if kind == 0:
            cv2.line(page, (12, row), (int(rng.integers(36, 52)), row), (60, 60, 60), 1)
        elif kind == 1:
            cv2.rectangle(page, (12, row), (52, row + 5), (40, 40, 40), 1)
            cv2.line(page, (24, row), (24, row + 5), (40, 40, 40), 1)
    if kind == 2:
        cv2.rectangle(page, (12, 16), (int(rng.integers(28, 34)), 44), (160, 90, 60), -1)
        cv2.line(page, (38, 20), (int(rng.integers(44, 54)), 20), (60, 60, 60), 1)
    return np.clip(page + rng.normal(0, 4, page.shape), 0, 255).astype(np.uint8)


def renders(kinds: int = 3, a_kind: int = 6) -> pd.DataFrame:
    """Table VALIDATION_RENDERS of plain pages, without files."""
    rows = [
        (f"s{k}{n}~0", f"s{k}{n}", f"g{k}{n}", k, n % FOLDS, 0, "none") for k in range(kinds) for n in range(a_kind)
    ]
    columns = ["render_id", "source_id", "group", "label", "fold", "copy", "path"]
    return pd.DataFrame(rows, columns=columns).assign(view="clean")


def looked_at(renders: pd.DataFrame, turn: int = 0) -> pd.DataFrame:
    """Table LOOKS of drawn pages, each laid down in `turn`."""
    ids = zip(renders["label"], renders["source_id"], strict=True)
    pages = [np.ascontiguousarray(apply_turn(draw(kind, int(source[2:])), turn)) for kind, source in ids]
    numbers = [describe(page).astype("<f2").tobytes() for page in pages]
    return pd.DataFrame({"render_id": renders["render_id"], "numbers": numbers})


def as_pages(renders: pd.DataFrame) -> pd.DataFrame:
    return renders.rename(columns={"source_id": "image_id"})[list(KEYS_OF_PAGES)]
