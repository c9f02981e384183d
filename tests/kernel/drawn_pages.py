"""Drawn pages of three kinds, on disk, and the tables that list them."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.images.dihedral import apply_turn
from docsort.members.splits import Split
from docsort.stores import Store
from docsort.tables import FOLD_TABLE, RENDERS, VALIDATION_RENDERS

Page = NDArray[np.uint8]
SIDE = 64
FOLDS = 3
KINDS, COUNT = 3, 6


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


def save_page(folder: Path, kind: int, seed: int, turn: int = 0) -> str:
    """The path of a drawn page, laid down in a turn, without loss."""
    path = folder / f"{kind}-{seed}-{turn}.png"
    cv2.imwrite(str(path), cv2.cvtColor(np.ascontiguousarray(apply_turn(draw(kind, seed), turn)), cv2.COLOR_RGB2BGR))
    return str(path)


def tables(folder: Path, copies: int = 1) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """FOLD_TABLE; RENDERS, the plain page of each source and so many worn ones; VALIDATION_RENDERS, a page under either
    condition. Worn and test-like pages are drawn with other seeds.
    """
    sources = [(f"s{k}{n}", f"g{k}{n}", k, n % FOLDS) for k in range(KINDS) for n in range(COUNT)]
    training, validation = [], []
    for source, group, label, fold in sources:
        number = int(source[2:])
        pages = [save_page(folder, label, number + 20 * copy) for copy in range(copies + 2)]
        facts = (source, group, label, fold)
        training += [(f"{source}~t-{copy}", *facts, copy, SIDE, True, True, pages[copy]) for copy in range(copies + 1)]
        for copy, condition in ((0, "clean"), (-1, "test_like")):
            validation.append((f"{source}~{condition}-0", *facts, 0, SIDE, True, True, pages[copy], condition))
    folds = pd.DataFrame(sources, columns=list(FOLD_TABLE))
    return folds, pd.DataFrame(training, columns=list(RENDERS)), pd.DataFrame(validation, columns=VALIDATION_RENDERS)


def split_of(
    fold: int, training: pd.DataFrame, validation: pd.DataFrame, targets: tuple[int, ...], cache: Store | None = None
) -> Split:
    """The tables of one fold."""
    own = validation["fold"] == fold
    return Split(fold, targets, training[training["fold"] != fold], validation[~own], validation[own], cache=cache)
