"""What is thought of each page by whoever has not learnt from it: models, the first look, the nearest pages.

Legend of shapes: N pages, C classes.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.cleaning.first_look import NEIGHBOURS, FirstLook
from docsort.tables import probability_columns, targets_of

NEAREST = "the nearest pages"
NEAREST_WEIGHT = 0.05
"""Of what the nearest pages say, in the mean with what the models say."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Opinions:
    """All opinions on N pages, in classes `targets` (C,), ascending.

    labels (N,): as places in targets. said: by name, probabilities (N, C), NaN in the rows of pages that nobody was
    asked about. mean (N, C): of all, NaN where all are silent.
    """

    targets: Integers
    labels: Integers
    said: dict[str, Floats]
    mean: Floats

    @property
    def known(self) -> NDArray[np.bool_]:
        """Pages (N,) that someone has an opinion on."""
        return np.asarray(~np.isnan(self.mean).any(axis=1))


def gather_opinions(
    images: pd.DataFrame, oof_predictions: pd.DataFrame, first_look: FirstLook | None = None
) -> Opinions:
    """Opinions on the images, in their order. Models weigh the same, the nearest pages NEAREST_WEIGHT of the whole."""
    said: dict[str, pd.DataFrame] = {}
    if first_look is not None:
        for name, values in (("the first look", first_look.classes), (NEAREST, first_look.nearest)):
            said[name] = pd.DataFrame(values, index=first_look.image_ids, columns=first_look.targets)
    if not oof_predictions.empty:
        clean = oof_predictions[oof_predictions["view"] == "clean"]
        columns = probability_columns(oof_predictions)
        means = clean.groupby("image_id")[columns].mean().astype(float)
        said["the trained models"] = means.set_axis(targets_of(columns), axis=1)
    given = images["label"].to_numpy(dtype=np.int64)
    targets = np.unique(
        np.concatenate([given, *(table.columns.to_numpy() for table in said.values())]).astype(np.int64)
    )
    laid_out = {name: _laid_out(table, images["image_id"], given, targets) for name, table in said.items()}
    return Opinions(
        targets, np.searchsorted(targets, given), laid_out, _mean_opinion(laid_out, len(images), len(targets))
    )


def _laid_out(table: pd.DataFrame, image_ids: pd.Series, given: Integers, targets: Integers) -> Floats:
    """In the order of the images and targets; silent on pages whose label this voice has never learnt."""
    values = table.reindex(index=image_ids, columns=targets)
    asked = image_ids.isin(table.index).to_numpy() & np.isin(given, table.columns)
    filled = values.fillna(0.0).to_numpy(dtype=float)
    return np.where(asked[:, None], filled, np.nan)


def _mean_opinion(said: dict[str, Floats], pages: int, classes: int) -> Floats:
    total, weights = np.zeros((pages, classes)), np.zeros((pages, 1))
    models = np.sum([~np.isnan(values[:, :1]) for name, values in said.items() if name != NEAREST], axis=0)
    for name, values in said.items():
        share = NEAREST_WEIGHT if name == NEAREST else (1 - NEAREST_WEIGHT) / np.maximum(models, 1)
        weight = np.where(np.isnan(values[:, :1]), 0.0, share)
        total += weight * np.nan_to_num(values)
        weights += weight
    return np.asarray(np.divide(total, weights, out=np.full_like(total, np.nan), where=weights > 0))


def put_in_words(opinions: Opinions, best: Integers) -> list[str]:
    """What each voice says of the class that all propose and of the given one."""
    words: list[list[str]] = [[] for _ in best]
    for name, values in opinions.said.items():
        for row in np.flatnonzero(~np.isnan(values[:, 0])):
            given, other = opinions.labels[row], best[row]
            own, its = values[row, given], values[row, other]
            labels = opinions.targets[other], opinions.targets[given]
            if name == NEAREST:
                words[row].append(f"of its {NEIGHBOURS} nearest pages {its:.0%} are {labels[0]}, {own:.0%} {labels[1]}")
            else:
                words[row].append(f"unseen by {name}: {labels[0]} at {its:.2f}, {labels[1]} at {own:.2f}")
    return ["; ".join(parts) for parts in words]
