"""Drawn pages in memory and on disk, and a task that learns from them."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from drawn_pages import FOLDS, draw, looked_at, renders

from docsort.images.dihedral import apply_turn
from docsort.looking.features import describe
from docsort.looking.learning import Described
from docsort.looking.parameters import LookParameters
from docsort.looking.tasks import LookTask, look_task


@pytest.fixture
def described() -> Callable[..., Described]:
    """Pages of three kinds in three folds; those at `lying` are laid down in the turn 2."""

    def make(lying: tuple[int, ...] = (), first: int = 0, a_kind: int = 6) -> Described:
        rows = [(kind, first + number) for kind in range(3) for number in range(a_kind)]
        pages = [apply_turn(draw(*row), 2 if number in lying else 0) for number, row in enumerate(rows)]
        numbers = np.stack([describe(np.ascontiguousarray(page)) for page in pages])
        kinds, seeds = np.array(rows).T
        return Described(numbers, kinds, seeds % FOLDS)

    return make


@pytest.fixture(scope="session")
def task() -> LookTask:
    """Fold 0's, on drawn pages of classes 0 to 2, and of 5, of which there are none."""
    plain = renders()
    test_like = plain.assign(view="test_like", render_id=plain["render_id"] + "t")
    validation = pd.concat([plain, test_like], ignore_index=True)
    training = plain.drop(columns="view").assign(copy=1, render_id=plain["render_id"] + "w")
    looks = looked_at(pd.concat([validation, training], ignore_index=True))
    return look_task("look_fold_0", 0, training, validation, looks, [5, 2, 0, 1], LookParameters())


@pytest.fixture
def photos(tmp_path: Path) -> pd.DataFrame:
    """Five pages on disk: render_id, path."""
    paths = [tmp_path / f"{number}.png" for number in range(5)]
    for number, path in enumerate(paths):
        cv2.imwrite(str(path), cv2.cvtColor(draw(number % 3, number), cv2.COLOR_RGB2BGR))
    return pd.DataFrame({"render_id": [path.stem for path in paths], "path": [str(path) for path in paths]})
