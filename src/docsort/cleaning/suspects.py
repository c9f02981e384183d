"""Labels that look wrong: what near-duplicates say, and what models said of pages they had never seen."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.tables import CLEAN_IMAGES, LABEL_SUSPECTS, check_columns, probability_columns, targets_of

CONFLICT_SCORE = 0.5
"""Of two near-duplicates with different labels, at least one is wrong."""


def rank_suspects(clean_images: pd.DataFrame, duplicates: pd.DataFrame, oof_predictions: pd.DataFrame) -> pd.DataFrame:
    """Table LABEL_SUSPECTS, one row an image, the most suspicious first.

    oof_predictions: of the last training run, or empty. Scores of the two kinds of evidence are combined as
    1 - (1 - a)(1 - b): either alone is enough.
    """
    check_columns(clean_images, CLEAN_IMAGES, "clean_images")
    found = [_from_duplicates(clean_images, duplicates), _from_predictions(clean_images, oof_predictions)]
    rows = pd.concat([part for part in found if len(part)] or found, ignore_index=True)
    if rows.empty:
        return pd.DataFrame(columns=list(LABEL_SUSPECTS))
    joined = [
        (
            image_id,
            part["given_label"].iloc[0],
            part.sort_values("score", kind="stable")["proposed_label"].iloc[-1],
            1 - float(np.prod(1 - part["score"].to_numpy(float))),
            part["p_given"].max(),
            part["p_proposed"].max(),
            "; ".join(part["evidence"]),
        )
        for image_id, part in rows.groupby("image_id")
    ]
    table = pd.DataFrame(joined, columns=list(LABEL_SUSPECTS))
    return table.sort_values(["score", "image_id"], ascending=[False, True], kind="stable", ignore_index=True)


def _from_duplicates(clean_images: pd.DataFrame, duplicates: pd.DataFrame) -> pd.DataFrame:
    labels = dict(zip(clean_images["image_id"], clean_images["label"], strict=True))
    rows = []
    for pair in duplicates[duplicates["conflict"].astype(bool)].itertuples():
        for own, other in ((pair.image_id, pair.other_id), (pair.other_id, pair.image_id)):
            if own in labels and other in labels and labels[own] != labels[other]:
                evidence = f"near-duplicate {other} is labelled {labels[other]}"
                rows.append((own, labels[own], labels[other], CONFLICT_SCORE, np.nan, np.nan, evidence))
    table = pd.DataFrame(rows, columns=list(LABEL_SUSPECTS))
    return table.drop_duplicates("image_id", ignore_index=True)


def _from_predictions(clean_images: pd.DataFrame, oof_predictions: pd.DataFrame) -> pd.DataFrame:
    """Images that a model which never saw them takes for another class, once its habits are taken out.

    Clean view, averaged over models and turns. From each column the mean self-confidence of that class is taken away,
    so that a class that the model is always sure of does not drown one that it never is: the thresholds of confident
    learning (Northcutt, Jiang & Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 2021),
    used as cleanlab's `adjust_pred_probs` does. The score is the normalised margin, 0.5 where both are as likely.
    """
    empty = pd.DataFrame(columns=list(LABEL_SUSPECTS))
    if oof_predictions.empty:
        return empty
    columns = probability_columns(oof_predictions)
    targets = np.array(targets_of(columns))
    clean = oof_predictions[oof_predictions["view"] == "clean"]
    means = clean.groupby("image_id")[columns].mean()
    known = clean_images[clean_images["image_id"].isin(means.index) & clean_images["label"].isin(targets)]
    if known.empty:
        return empty
    labels = known["label"].to_numpy()
    given = np.searchsorted(targets, labels)
    probabilities = means.loc[known["image_id"]].to_numpy(dtype=float)
    own, best, other = _margins(_without_habits(probabilities, given), given)
    rows = pd.DataFrame({"image_id": known["image_id"].to_numpy(), "given_label": labels})
    rows["proposed_label"], rows["score"] = targets[other], (1 + best - own) / 2
    places = range(len(rows))
    rows["p_given"], rows["p_proposed"] = probabilities[places, given], probabilities[places, other]
    rows["evidence"] = [
        f"unseen by the model: {targets[other[k]]} at {probabilities[k, other[k]]:.2f}, "
        f"{labels[k]} at {probabilities[k, given[k]]:.2f}"
        for k in places
    ]
    return rows.loc[best > own, list(LABEL_SUSPECTS)].reset_index(drop=True)


def _without_habits(probabilities: NDArray[np.float64], given: NDArray[np.int64]) -> NDArray[np.float64]:
    """Probabilities (N, C) less each class's mean self-confidence, moved up so that all are positive; rows sum to 1."""
    own = probabilities[np.arange(len(given)), given]
    counts = np.bincount(given, minlength=probabilities.shape[1])
    sums = np.bincount(given, weights=own, minlength=probabilities.shape[1])
    confidence = np.where(counts > 0, sums / np.maximum(counts, 1), own.mean())
    moved = probabilities - confidence + confidence.max()
    return np.asarray(moved / moved.sum(axis=1, keepdims=True))


def _margins(
    adjusted: NDArray[np.float64], given: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """For each row what the given class has, what the best other class has, and which that is: (N,) each."""
    rows = np.arange(len(given))
    own = adjusted[rows, given]
    rest = adjusted.copy()
    rest[rows, given] = -np.inf
    other = rest.argmax(axis=1)
    return own, rest[rows, other], other
