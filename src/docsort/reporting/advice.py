"""What to do next, the most worthwhile first: each with what it rests on."""

import pandas as pd

from docsort.reporting.scores import Scores
from docsort.reporting.summary import Summary

WEAK = 0.1
"""A class is weak whose F1 is so much below the mean of all."""

NAMED = 3
"""Weak classes that are named."""

REAL = "real: better"
"""How the verdict of a candidate begins that would really score higher."""


def advise(
    scores: Scores,
    class_scores: pd.DataFrame,
    data: Summary,
    candidates: pd.DataFrame,
    needs_review: pd.DataFrame,
    is_read: bool,
) -> list[str]:
    """Sentences. scores: of `scores.score_run`; class_scores: of `scores.tabulate_class_scores`; data: of
    `summary.summarise_data`; candidates: CANDIDATES; is_read: whether a member reads the words on pages.
    """
    weak = _weak_classes(class_scores, data)
    return [
        *_about_the_gap(scores),
        *_about_labels(scores, data),
        *_about_classes(weak, is_read),
        *_about_candidates(candidates),
        *_about_review(needs_review),
    ]


def _about_the_gap(scores: Scores) -> list[str]:
    low, high = scores["validation"]["test_like"]["interval"]
    if "test" not in scores or low <= scores["test"]["macro_f1"] <= high:
        return []
    return [
        f"The test score, {scores['test']['macro_f1']:.3f}, is outside the interval of the forecast: look at Drift for "
        "how test photos differ from the damaged validation pages, and set pages aside by holdout=0.2."
    ]


def _about_labels(scores: Scores, data: Summary) -> list[str]:
    count = data["counts"]["labels under suspicion"]
    if not count:
        return []
    noise = scores["validation"]["forecast"]["terms"]["label_noise"]
    return [
        f"Judge the {count} training labels that look wrong (kedro run --pipelines cleaning,label_review, then kedro "
        f"label-review). About {100 * noise['share']['value']:.1f} % of the labels are wrong by estimate, "
        f"{100 * noise['share']['low']:.1f} to {100 * noise['share']['high']:.1f} %; right ones make the forecast "
        "narrower, and members better."
    ]


def _weak_classes(class_scores: pd.DataFrame, data: Summary) -> pd.DataFrame:
    """The weakest classes with their photos, the weakest first."""
    photos = {row["target"]: row["photos"] for row in data["class_counts"]}
    table = class_scores[["target", "class_name", "test_like_f1"]].assign(photos=class_scores["target"].map(photos))
    return table[table["test_like_f1"] < table["test_like_f1"].mean() - WEAK].sort_values("test_like_f1").head(NAMED)


def _about_classes(weak: pd.DataFrame, is_read: bool) -> list[str]:
    if weak.empty:
        return []
    named = "; ".join(
        f"{row['target']} {row['class_name']}: F1 {row['test_like_f1']:.2f} of {row['photos']} photos"
        for row in weak.to_dict(orient="records")
    )
    words = (
        "" if is_read else " If what stands on them tells them apart, let a member read: members.reading.enabled=true."
    )
    return [f"The weakest classes want more photos, or are the same thing under two names. {named}.{words}"]


def _about_candidates(candidates: pd.DataFrame) -> list[str]:
    better = candidates[candidates["verdict"].str.startswith(REAL)]
    return [
        f"{row['candidate']} would really be better, by {row['delta']:.3f} ({row['delta_low']:.3f} to "
        f"{row['delta_high']:.3f}): see Candidates."
        for row in better.head(1).to_dict(orient="records")
    ]


def _about_review(needs_review: pd.DataFrame) -> list[str]:
    return [f"Look at the {len(needs_review)} test pages in needs_review.csv."] if len(needs_review) else []
