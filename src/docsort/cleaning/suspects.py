"""Label issues: one ranking by predicted class probabilities, nearest neighbours and conflicting near-duplicates.

The score of a page is cleanlab's label quality (Northcutt, Jiang & Chuang, "Confident Learning: Estimating Uncertainty
in Dataset Labels", JAIR 2021) on the weighted mean of all predictions (`cleaning.label_evidence`), joined with
conflicts among near-duplicates. It is the self-confidence, with a little of the margin: of labels that are all but
ruled out those come first whose page is surely of another class. Taking out the habits of each class first
(`adjust_pred_probs`) moves whole classes that look alike to the top, see docs/experiments.md.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.cleaning.baseline import BaselinePredictions
from docsort.cleaning.label_evidence import LabelEvidence, describe_evidence, gather_evidence
from docsort.tables import CLEAN_IMAGES, LABEL_SUSPECTS, check_columns

EVEN = 0.5
"""Of two near-duplicates with different labels at least one is wrong; where nobody knows which, each as likely."""

MARGIN_SHARE, MARGIN_SHARE_ALONE = 0.03, 0.00001
"""Of the normalised margin in the score, of pages that several models predicted, and of those that one did: there it
orders the pages whose label is ruled out altogether, and no others. The rest is the self-confidence."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def rank_suspects(
    clean_images: pd.DataFrame,
    duplicates: pd.DataFrame,
    oof_predictions: pd.DataFrame,
    baseline: BaselinePredictions | None = None,
) -> pd.DataFrame:
    """Table LABEL_SUSPECTS: the images for which another class is likelier or which contradict a near-duplicate.

    oof_predictions: of the last training run, or empty. Nobody is a suspect where there is no evidence at all.
    """
    scored = score_labels(clean_images, duplicates, oof_predictions, baseline)
    suspects = scored[scored["suspect"]]
    return suspects[list(LABEL_SUSPECTS)].reset_index(drop=True)


def score_labels(
    clean_images: pd.DataFrame,
    duplicates: pd.DataFrame,
    oof_predictions: pd.DataFrame,
    baseline: BaselinePredictions | None = None,
) -> pd.DataFrame:
    """Every image, the most suspicious first: LABEL_SUSPECTS and `suspect`, whether it belongs into that table.

    The two kinds of evidence are combined as 1 - (1 - a)(1 - b): either alone is enough.
    """
    check_columns(clean_images, CLEAN_IMAGES, "clean_images")
    images = clean_images.sort_values("image_id", ignore_index=True)
    evidence = gather_evidence(images, oof_predictions, baseline)
    rows = np.arange(len(images))
    others = np.nan_to_num(evidence.mean)
    others[rows, evidence.labels] = -1
    best = others.argmax(axis=1)
    table = pd.DataFrame({"image_id": images["image_id"], "given_label": images["label"].to_numpy(dtype=np.int64)})
    table["proposed_label"] = evidence.targets[best]
    table["score"], table["evidence"] = _label_issue_score(evidence), describe_evidence(evidence, best)
    table["suspect"] = evidence.known & (others[rows, best] > evidence.mean[rows, evidence.labels])
    table = _join_conflicts(table, _conflicts(images, duplicates, evidence))
    proposed = np.searchsorted(evidence.targets, table["proposed_label"])
    table["p_given"], table["p_proposed"] = evidence.mean[rows, evidence.labels], evidence.mean[rows, proposed]
    return table.sort_values(["score", "image_id"], ascending=[False, True], kind="stable", ignore_index=True)


def _label_issue_score(evidence: LabelEvidence) -> Floats:
    """1 - cleanlab's label quality, (N,); 0 where there is no prediction."""
    score = np.zeros(len(evidence.labels))
    known = evidence.known
    if known.any():
        from cleanlab.rank import get_label_quality_scores

        margin = np.where(evidence.alone[known], MARGIN_SHARE_ALONE, MARGIN_SHARE)
        for method, share in (("self_confidence", 1 - margin), ("normalized_margin", margin)):
            quality = get_label_quality_scores(evidence.labels[known], evidence.mean[known], method=method)
            score[known] += share * (1 - quality)
    return score.clip(0, 1)


def _conflicts(images: pd.DataFrame, duplicates: pd.DataFrame, evidence: LabelEvidence) -> pd.DataFrame:
    """By image its worst conflict: `other_label`, `conflict` (chance of being the wrong one of the two), `says`.

    Both images show one page, so the predictions for either are averaged.
    """
    places = dict(zip(images["image_id"], range(len(images)), strict=True))
    rows = []
    for pair in duplicates[duplicates["conflict"].astype(bool)].itertuples():
        for own, other in ((pair.image_id, pair.other_id), (pair.other_id, pair.image_id)):
            if own not in places or other not in places:
                continue
            one, two = (int(evidence.labels[places[name]]) for name in (own, other))
            if one != two:
                chance = _chance_against(evidence.mean[[places[own], places[other]]], one, two)
                label = evidence.targets[two]
                rows.append((own, label, chance, f"near-duplicate {other} is labelled {label}"))
    table = pd.DataFrame(rows, columns=["image_id", "other_label", "conflict", "says"])
    return table.sort_values("conflict", kind="stable").drop_duplicates("image_id", keep="last").set_index("image_id")


def _chance_against(means: Floats, own: int, other: int) -> float:
    """Of label `own` being wrong rather than `other`, by mean predictions (2, C) for two copies of one page."""
    known = means[~np.isnan(means).any(axis=1)]
    if len(known) == 0:
        return EVEN
    for_own, for_other = known[:, own].mean(), known[:, other].mean()
    total = for_own + for_other
    return float(for_other / total) if total > 0 else EVEN


def _join_conflicts(table: pd.DataFrame, conflicts: pd.DataFrame) -> pd.DataFrame:
    """The table with the scores and words of conflicts joined in; a conflict proposes where it is the stronger."""
    joined = table.copy()
    chance = table["image_id"].map(conflicts["conflict"]).astype(float)
    inside = chance.notna()
    stronger = inside & ((chance >= table["score"]) | ~table["suspect"])
    label = table["image_id"].map(conflicts["other_label"])
    joined.loc[stronger, "proposed_label"] = label[stronger].astype(np.int64)
    joined["score"] = 1 - (1 - table["score"]) * (1 - chance.fillna(0.0))
    says = table["image_id"].map(conflicts["says"])
    joined.loc[inside, "evidence"] = [
        "; ".join(part for part in parts if part) for parts in zip(table["evidence"][inside], says[inside], strict=True)
    ]
    joined["suspect"] = table["suspect"] | inside
    return joined
