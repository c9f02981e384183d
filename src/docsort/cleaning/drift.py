"""Drift: how test images differ from training images, measured without any label.

The last row says how well a classifier tells a test image from a training image by these measures together: an AUC of
0.5 means that it cannot, 1.0 that it always can (the classifier two-sample test of Lopez-Paz & Oquab, "Revisiting
Classifier Two-Sample Tests", ICLR 2017).
"""

import numpy as np
import pandas as pd

from docsort.tables import IMAGES, check_columns

STATISTICS = (
    "width",
    "height",
    "aspect",
    "brightness",
    "contrast",
    "saturation",
    "sharpness",
    "noise",
    "white_border",
    "skew",
)
"""aspect: width over height; the others as in `images.measures`."""

DRIFT = ("measure", "train_mean", "train_sd", "test_mean", "test_sd", "difference", "ks")
"""difference: of the means, in standard deviations of the training images; ks: Kolmogorov-Smirnov distance, 0 to 1. In
the row `all together (AUC)` only `ks` is filled, with the AUC."""

AUC_ROW = "all together (AUC)"
FEWEST = 20
"""Images of a split below which a cross-validated AUC says nothing."""


def measure_drift(images: pd.DataFrame) -> pd.DataFrame:
    """Columns DRIFT, one row per measure; no rows where there are no test images."""
    from scipy.stats import ks_2samp

    check_columns(images, IMAGES, "images")
    table = images.assign(aspect=images["width"] / images["height"])
    train, test = table[table["split"] == "train"], table[table["split"] == "test"]
    if test.empty or train.empty:
        return pd.DataFrame(columns=list(DRIFT))
    rows: list[tuple[object, ...]] = []
    for name in STATISTICS:
        one, other = train[name].astype(float), test[name].astype(float)
        spread = float(one.std(ddof=0))
        difference = (float(other.mean()) - float(one.mean())) / spread if spread > 0 else float("nan")
        distance = float(ks_2samp(one, other).statistic)
        rows.append((name, one.mean(), spread, other.mean(), float(other.std(ddof=0)), difference, distance))
    if min(len(train), len(test)) >= FEWEST:
        rows.append((AUC_ROW, *(float("nan"),) * 5, separability(train, test)))
    return pd.DataFrame(rows, columns=list(DRIFT))


def separability(one: pd.DataFrame, other: pd.DataFrame, statistics: tuple[str, ...] = STATISTICS) -> float:
    """Cross-validated AUC of a classifier that tells the two tables' rows apart by the statistics: 0.5 to 1."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    values = np.concatenate([part[list(statistics)].to_numpy(float) for part in (one, other)])
    origin = np.repeat([0, 1], [len(one), len(other)])
    model = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=8, early_stopping=False, random_state=0)
    splits = StratifiedKFold(5, shuffle=True, random_state=0)
    with threadpool_limits(limits=1):  # with more threads than free cores it takes a hundred times as long
        scores = cross_val_predict(model, values, origin, cv=splits, method="predict_proba")[:, 1]
    return max(0.5, float(roc_auc_score(origin, scores)))
