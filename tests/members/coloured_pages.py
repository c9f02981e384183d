"""A job of three classes of pages that differ in colour, rendered at two sides: the tables of a small run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from docsort.members.splits import Split, split_fold
from docsort.tables import FOLD_TABLE, RENDERS, VALIDATION_RENDERS

TARGETS = (2, 5, 9)
COLOURS = {2: (220, 90, 90), 5: (90, 220, 90), 9: (90, 90, 220)}
SIDES = (16, 32)
FOLDS, SOURCES = 3, 24

Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def make_tables(folder: Path, sides: Sequence[int] = SIDES) -> Tables:
    """FOLD_TABLE, RENDERS with two copies of each source, and VALIDATION_RENDERS, each at every side."""
    rng, sources = np.random.default_rng(0), []
    training, validation = [], []
    for number in range(SOURCES):
        target = TARGETS[number % len(TARGETS)]
        name, fold = f"s{number:02}", number // len(TARGETS) % FOLDS
        sources.append((name, f"g{number:02}", target, fold))
        for side in sides:
            for copy in range(2):
                path = _draw(folder / f"{name}-{copy}-{side}.png", target, side, rng)
                training.append((f"{name}~t-{copy}", name, f"g{number:02}", target, fold, copy, side, True, True, path))
                row = (f"{name}~v-{copy}", name, f"g{number:02}", target, fold, copy, side, True, True, path)
                validation.append((*row, ("clean", "test_like")[copy]))
    return (
        pd.DataFrame(sources, columns=list(FOLD_TABLE)),
        pd.DataFrame(training, columns=list(RENDERS)),
        pd.DataFrame(validation, columns=list(VALIDATION_RENDERS)),
    )


def make_split(tables: Tables, fold: int = 0) -> Split:
    """The split of one fold, at all sides."""
    return split_fold(fold, *tables, TARGETS)


def _draw(path: Path, target: int, side: int, rng: np.random.Generator) -> str:
    noise = rng.normal(0, 25, (side, side, 3))
    Image.fromarray((np.array(COLOURS[target]) + noise).clip(0, 255).astype(np.uint8)).save(path)
    return str(path)
