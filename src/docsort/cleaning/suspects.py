"""Labels that look wrong: what near-duplicates say, and what models said of pages they had never seen."""

import numpy as np
import pandas as pd

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
                rows.append((own, labels[own], labels[other], CONFLICT_SCORE, evidence))
    table = pd.DataFrame(rows, columns=list(LABEL_SUSPECTS))
    return table.drop_duplicates("image_id", ignore_index=True)


def _from_predictions(clean_images: pd.DataFrame, oof_predictions: pd.DataFrame) -> pd.DataFrame:
    """Images whose given label is less likely than another class is typically likely for its own images.

    The thresholds are the mean self-confidence of each class, as in confident learning (Northcutt, Jiang & Chuang,
    "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 2021). Clean view, averaged over turns.
    """
    empty = pd.DataFrame(columns=list(LABEL_SUSPECTS))
    if oof_predictions.empty:
        return empty
    columns = probability_columns(oof_predictions)
    clean = oof_predictions[oof_predictions["view"] == "clean"]
    means = clean.groupby("image_id")[columns].mean()
    known = clean_images[clean_images["image_id"].isin(means.index) & clean_images["label"].isin(targets_of(columns))]
    if known.empty:
        return empty
    means = means.loc[known["image_id"]].set_axis(targets_of(columns), axis=1)
    labels = known["label"].to_numpy()
    own = pd.Series(
        [means.loc[i, label] for i, label in zip(known["image_id"], labels, strict=True)], index=means.index
    )
    thresholds = own.groupby(labels).mean().reindex(means.columns).fillna(1.0)
    confident = means.where(means.ge(thresholds, axis=1), 0.0)
    proposed, strength = confident.idxmax(axis=1), confident.max(axis=1)
    chosen = (strength > 0) & (proposed.to_numpy() != labels) & (strength > own)
    evidence = [
        f"unseen by the model, {p} at {s:.2f} against {o:.2f}" for p, s, o in zip(proposed, strength, own, strict=True)
    ]
    rows = zip(known["image_id"], labels, proposed, strength - own, evidence, strict=True)
    table = pd.DataFrame(list(rows), columns=list(LABEL_SUSPECTS))
    selected: pd.DataFrame = table.loc[chosen.to_numpy()]
    return selected.reset_index(drop=True)
