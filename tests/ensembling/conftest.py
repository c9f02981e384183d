"""Prediction tables of several models and folds, on test pages and out of fold."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch's default threads collapse on a busy machine

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from small_ensemble import Photo, build, draw_pages

from docsort.ensembling.ensemble import Ensemble
from docsort.work.executor import stop_work


@pytest.fixture
def make_predictions() -> Callable[..., pd.DataFrame]:
    """One member's test predictions: `make(model, fold)`; seeded by both."""

    def make(model: str, fold: int, pages: int = 40, turns: int = 3, classes: int = 5) -> pd.DataFrame:
        rng = np.random.default_rng([fold, *model.encode()])
        rows = [
            (model, fold, f"{i:04}.jpg", f"{i:04}.jpg", None, f"{i:04}.jpg", "test", 0, turn, 100)
            for i in range(pages)
            for turn in range(turns)
        ]
        columns = ["model", "fold", "image_id", "group", "label", "render_id", "condition", "copy", "turn", "scale"]
        values = rng.dirichlet(np.full(classes, 0.5), size=len(rows)).astype(np.float32)
        return pd.concat(
            [pd.DataFrame(rows, columns=columns), pd.DataFrame(values, columns=[f"p_{t}" for t in range(classes)])],
            axis=1,
        )

    return make


@pytest.fixture
def oof(make_predictions: Callable[..., pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Out-of-fold predictions of 40 sources in five folds, and the folds."""
    parts = []
    for fold in range(5):
        own = make_predictions("main", fold)
        own = own[own["image_id"].str[:4].astype(int) % 5 == fold]
        parts += [
            own.assign(condition=condition, render_id=own["image_id"] + condition, label=fold)
            for condition in ("clean", "test_like")
        ]
    predictions = pd.concat(parts, ignore_index=True)
    folds = predictions[["image_id", "group", "label", "fold"]].drop_duplicates(ignore_index=True)
    return predictions, folds


@pytest.fixture(scope="session")
def learnt_pages() -> list[Photo]:
    return draw_pages(24, seed=0)


@pytest.fixture(scope="session")
def ensemble(tmp_path_factory: pytest.TempPathFactory, learnt_pages: list[Photo]) -> Ensemble:
    return build(tmp_path_factory.mktemp("built"), learnt_pages)


@pytest.fixture(scope="session")
def photos() -> list[Photo]:
    return draw_pages(16, seed=1)


@pytest.fixture(scope="session")
def paths(tmp_path_factory: pytest.TempPathFactory, photos: list[Photo]) -> list[Path]:
    """The photos as files without loss."""
    folder = tmp_path_factory.mktemp("photos")
    for number, photo in enumerate(photos):
        Image.fromarray(photo).save(folder / f"{number}.png", compress_level=1)
    return [folder / f"{number}.png" for number in range(len(photos))]


@pytest.fixture(scope="session")
def answers(ensemble: Ensemble, paths: list[Path]) -> pd.DataFrame:
    return ensemble.answer(paths, in_workers=False)


@pytest.fixture(scope="session", autouse=True)
def _workers_end_with_the_tests() -> Iterator[None]:
    yield
    stop_work()
