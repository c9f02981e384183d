"""Out-of-fold predictions for each training page: of trained models, of the baseline, of its nearest neighbours.

Legend of shapes: N pages, C classes.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.cleaning.baseline import NEIGHBOURS, BaselinePredictions
from docsort.tables import probability_columns, targets_of

NEAREST = "the nearest pages"
NEAREST_WEIGHT = 0.05
"""Of the nearest neighbours' class shares in the mean of all predictions."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class LabelEvidence:
    """Predictions for N pages, in classes `targets` (C,), ascending.

    labels (N,): as places in targets. predictions: by name, probabilities (N, C), NaN in the rows of pages that this
    model did not predict. mean (N, C): of all, NaN where there is none.
    """

    targets: Integers
    labels: Integers
    predictions: dict[str, Floats]
    mean: Floats

    @property
    def known(self) -> NDArray[np.bool_]:
        """Pages (N,) with at least one prediction."""
        return np.asarray(~np.isnan(self.mean).any(axis=1))


def gather_evidence(
    images: pd.DataFrame, oof_predictions: pd.DataFrame, baseline: BaselinePredictions | None = None
) -> LabelEvidence:
    """Evidence on the images, in their order. Models weigh the same, the nearest pages NEAREST_WEIGHT of the whole."""
    found: dict[str, pd.DataFrame] = {}
    if baseline is not None:
        for name, values in (("the baseline", baseline.classes), (NEAREST, baseline.nearest)):
            found[name] = pd.DataFrame(values, index=baseline.image_ids, columns=baseline.targets)
    if not oof_predictions.empty:
        clean = oof_predictions[oof_predictions["condition"] == "clean"]
        columns = probability_columns(oof_predictions)
        means = clean.groupby("image_id")[columns].mean().astype(float)
        found["the trained models"] = means.set_axis(targets_of(columns), axis=1)
    given = images["label"].to_numpy(dtype=np.int64)
    targets = np.unique(
        np.concatenate([given, *(table.columns.to_numpy() for table in found.values())]).astype(np.int64)
    )
    laid_out = {name: _laid_out(table, images["image_id"], given, targets) for name, table in found.items()}
    mean = _mean_prediction(laid_out, len(images), len(targets))
    return LabelEvidence(targets, np.searchsorted(targets, given), laid_out, mean)


def _laid_out(table: pd.DataFrame, image_ids: pd.Series, given: Integers, targets: Integers) -> Floats:
    """In the order of the images and targets; NaN for pages whose label this model has never learnt."""
    values = table.reindex(index=image_ids, columns=targets)
    asked = image_ids.isin(table.index).to_numpy() & np.isin(given, table.columns)
    filled = values.fillna(0.0).to_numpy(dtype=float)
    return np.where(asked[:, None], filled, np.nan)


def _mean_prediction(predictions: dict[str, Floats], pages: int, classes: int) -> Floats:
    total, weights = np.zeros((pages, classes)), np.zeros((pages, 1))
    models = np.sum([~np.isnan(values[:, :1]) for name, values in predictions.items() if name != NEAREST], axis=0)
    for name, values in predictions.items():
        share = NEAREST_WEIGHT if name == NEAREST else (1 - NEAREST_WEIGHT) / np.maximum(models, 1)
        weight = np.where(np.isnan(values[:, :1]), 0.0, share)
        total += weight * np.nan_to_num(values)
        weights += weight
    return np.asarray(np.divide(total, weights, out=np.full_like(total, np.nan), where=weights > 0))


def describe_evidence(evidence: LabelEvidence, best: Integers) -> list[str]:
    """Per page what each model predicts for the proposed class and for the given one, in words."""
    words: list[list[str]] = [[] for _ in best]
    for name, values in evidence.predictions.items():
        for row in np.flatnonzero(~np.isnan(values[:, 0])):
            given, other = evidence.labels[row], best[row]
            own, its = values[row, given], values[row, other]
            labels = evidence.targets[other], evidence.targets[given]
            if name == NEAREST:
                words[row].append(f"of its {NEIGHBOURS} nearest pages {its:.0%} are {labels[0]}, {own:.0%} {labels[1]}")
            else:
                words[row].append(f"unseen by {name}: {labels[0]} at {its:.2f}, {labels[1]} at {own:.2f}")
    return ["; ".join(parts) for parts in words]
