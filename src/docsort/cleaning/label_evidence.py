"""Out-of-fold predictions for each training page: of trained models, of the baseline, of its nearest neighbours.

Legend of shapes: N pages, C classes.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.cleaning.baseline import NEIGHBOURS, BaselinePredictions
from docsort.cleaning.evidence_weights import mean_of, weighted_mean
from docsort.tables import probability_columns, targets_of

BASELINE = "the baseline"
NEAREST = "the nearest pages"
TRAINED = "the trained models"
NEAREST_WEIGHT, NEAREST_WEIGHT_ALONE = 0.2, 0.0001
"""Of the nearest neighbours' class shares in the mean of all predictions, of pages that several models predicted, and
of those that one did. One model alone is so sure of itself that any more would put the neighbours' order above its
own; see docs/experiments.md."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class LabelEvidence:
    """Predictions for N pages, in classes `targets` (C,), ascending.

    labels (N,): as places in targets. predictions: by name, probabilities (N, C), NaN in the rows of pages that this
    model did not predict. models (M, N, C): the same of the baseline and of every trained member. mean (N, C): of all,
    NaN where there is none.
    """

    targets: Integers
    labels: Integers
    predictions: dict[str, Floats]
    models: Floats
    mean: Floats

    @property
    def alone(self) -> NDArray[np.bool_]:
        """Pages (N,) that at most one model predicted."""
        return np.asarray((~np.isnan(self.models[:, :, 0])).sum(axis=0) < 2)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Pages (N,) with at least one prediction."""
        return np.asarray(~np.isnan(self.mean).any(axis=1))


def gather_evidence(
    images: pd.DataFrame, oof_predictions: pd.DataFrame, baseline: BaselinePredictions | None = None
) -> LabelEvidence:
    """Evidence on the images, in their order; `evidence_weights` says how much each model counts.

    Trained members are asked of the clean page alone: what they say of damaged ones makes the ranking worse.
    """
    members = _member_predictions(oof_predictions)
    found = dict(members)
    if baseline is not None:
        for name, values in ((BASELINE, baseline.classes), (NEAREST, baseline.nearest)):
            found[name] = pd.DataFrame(values, index=baseline.image_ids, columns=baseline.targets)
    given = images["label"].to_numpy(dtype=np.int64)
    targets = np.unique(
        np.concatenate([given, *(table.columns.to_numpy() for table in found.values())]).astype(np.int64)
    )
    labels = np.searchsorted(targets, given)
    laid_out = {name: _laid_out(table, images["image_id"], given, targets) for name, table in found.items()}
    models = {name: values for name, values in laid_out.items() if name != NEAREST}
    stacked = np.array(list(models.values())).reshape(-1, len(images), len(targets))
    mean, weights = weighted_mean(stacked, labels, images["group"].to_numpy(dtype=object))
    named = {name: laid_out[name] for name in (BASELINE, NEAREST) if name in laid_out}
    if members:
        trained = np.array([name in members for name in models])
        named[TRAINED] = mean_of(stacked[trained], weights[trained])
    evidence = LabelEvidence(targets, labels, named, stacked, mean)
    return evidence if baseline is None else _join_nearest(evidence)


def _join_nearest(evidence: LabelEvidence) -> LabelEvidence:
    nearest = evidence.predictions[NEAREST]
    share = np.where(evidence.alone, NEAREST_WEIGHT_ALONE, NEAREST_WEIGHT)[:, None]
    joined = (1 - share) * evidence.mean + share * nearest
    return replace(evidence, mean=np.where(np.isnan(nearest), evidence.mean, joined))


def _member_predictions(oof_predictions: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """By member the mean of its views of the clean page: image ids by class numbers."""
    if oof_predictions.empty:
        return {}
    clean = oof_predictions[oof_predictions["condition"] == "clean"]
    columns = probability_columns(oof_predictions)
    return {
        f"member {name}": rows.groupby("image_id")[columns].mean().astype(float).set_axis(targets_of(columns), axis=1)
        for name, rows in clean.groupby("model")
    }


def _laid_out(table: pd.DataFrame, image_ids: pd.Series, given: Integers, targets: Integers) -> Floats:
    """In the order of the images and targets; NaN for pages whose label this model has never learnt."""
    values = table.reindex(index=image_ids, columns=targets)
    asked = image_ids.isin(table.index).to_numpy() & np.isin(given, table.columns)
    filled = values.fillna(0.0).to_numpy(dtype=float)
    return np.where(asked[:, None], filled, np.nan)


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
