"""Prediction tables of several models and folds, on test pages and out of fold."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from docsort.specialists.verdict import VERDICTS


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
        columns = ["model", "fold", "image_id", "group", "label", "render_id", "view", "copy", "turn", "scale"]
        values = rng.dirichlet(np.full(classes, 0.5), size=len(rows)).astype(np.float32)
        return pd.concat(
            [pd.DataFrame(rows, columns=columns), pd.DataFrame(values, columns=[f"p_{t}" for t in range(classes)])],
            axis=1,
        )

    return make


@pytest.fixture
def no_verdicts() -> pd.DataFrame:
    return pd.DataFrame(columns=list(VERDICTS))


@pytest.fixture
def verdict_of() -> Callable[[str, bool], pd.DataFrame]:
    """The verdict on a specialist called `certificates` for the given classes."""

    def make(classes: str, accepted: bool) -> pd.DataFrame:
        row = (
            "certificates",
            classes,
            0.8,
            0.9,
            0.1,
            0.05,
            0.15,
            10,
            5,
            accepted,
            "in words",
            "soft",
            "top1",
            0.0,
            0.1,
        )
        return pd.DataFrame([row], columns=list(VERDICTS))

    return make


@pytest.fixture
def oof(make_predictions: Callable[..., pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Out-of-fold predictions of 40 sources in five folds, and the folds."""
    parts = []
    for fold in range(5):
        own = make_predictions("main", fold)
        own = own[own["image_id"].str[:4].astype(int) % 5 == fold]
        parts += [
            own.assign(view=view, render_id=own["image_id"] + view, label=fold) for view in ("clean", "test_like")
        ]
    predictions = pd.concat(parts, ignore_index=True)
    folds = predictions[["image_id", "group", "label", "fold"]].drop_duplicates(ignore_index=True)
    return predictions, folds
