"""What to do next: each step with what it would be worth, and how that is estimated."""

import math
from collections.abc import Sequence

import pandas as pd

from docsort.ensembling.candidates import all_but
from docsort.reporting.parts import Part, Step, Steps, Tables, signed
from docsort.reporting.scores import Scores
from docsort.reporting.sections.mistakes import names_of
from docsort.reporting.summary import Summary

TITLE = "What to do next"
NEEDS = (
    "scores",
    "class_scores",
    "data_summary",
    "candidates",
    "needs_review",
    "submission",
    "reading",
    "histories",
    "training_plan",
)

WEAK = 0.1
"""A class is weak whose F1 is so much below the mean of all."""

NAMED = 3
"""Weak classes that are named."""

REAL = "real: better"
"""How the verdict of a candidate begins that would really score higher."""

LONGER = {"quick": "good", "good": "best"}
"""The preset that takes more steps."""

STILL_RISING = 0.01
"""Macro-F1 that the last epoch added, from which on longer training is advised."""


def section(tables: Tables) -> Sequence[Part]:
    """A table of steps, or that nothing stands out."""
    steps = [
        *about_the_gap(tables["scores"]),
        *about_labels(tables["scores"], tables["data_summary"]),
        *about_classes(tables["class_scores"], tables["data_summary"]),
        *about_candidates(tables["candidates"]),
        *about_training(tables["histories"], tables["training_plan"]["preset"]),
        *about_reading(tables["class_scores"], bool(tables["reading"].get("readers"))),
        *about_review(tables["needs_review"], len(tables["submission"])),
    ]
    return [Steps(steps)] if steps else ["Nothing stands out."]


def about_the_gap(scores: Scores) -> list[Step]:
    """A forecast that did not hold."""
    low, high = scores["validation"]["test_like"]["interval"]
    if "test" not in scores or low <= scores["test"]["macro_f1"] <= high:
        return []
    return [
        Step(
            f"The test score, {scores['test']['macro_f1']:.3f}, is outside the interval of the forecast: look at Drift "
            "for how test photos differ from the damaged validation pages, and set pages aside by holdout=0.2.",
            "a forecast that can be trusted",
            "not estimated",
        )
    ]


def about_labels(scores: Scores, data: Summary) -> list[Step]:
    """Labels that look wrong."""
    count = data["counts"]["labels under suspicion"]
    if not count:
        return []
    noise, (low, high) = (
        scores["validation"]["forecast"]["terms"]["label_noise"],
        scores["validation"]["forecast"]["interval"],
    )
    share, wide, part = noise["share"], high - low, noise["high"] - noise["low"]
    left = math.sqrt(max(wide**2 - part**2, 0))
    return [
        Step(
            f"Judge the {count} training labels that look wrong (kedro run --pipelines cleaning,label_review, then "
            f"kedro label-review). About {100 * share['value']:.1f} % of the labels are wrong by estimate, "
            f"{100 * share['low']:.1f} to {100 * share['high']:.1f} %.",
            f"a forecast whose interval is {left:.3f} wide in place of {wide:.3f}, and better members",
            "the width that not knowing the wrong labels adds, taken off as an independent part; what the members gain "
            "is told after the next run",
        )
    ]


def about_classes(class_scores: pd.DataFrame, data: Summary) -> list[Step]:
    """Classes that want photos."""
    weak = _weak(class_scores)
    if weak.empty:
        return []
    photos = {row["target"]: row["photos"] for row in data["class_counts"]}
    names = names_of(weak)
    named = "; ".join(
        f"{names[row['target']]}: F1 {row['test_like_f1']:.2f} of {photos[row['target']]} photos"
        for row in weak.to_dict(orient="records")
    )
    gain = (class_scores["test_like_f1"].mean() - weak["test_like_f1"]).sum() / len(class_scores)
    return [
        Step(
            f"Take more photos of the weakest classes, if they are not the same thing under two names. {named}.",
            f"up to {signed(gain)}",
            "if each of them came up to the mean of all classes",
        )
    ]


def about_candidates(candidates: pd.DataFrame) -> list[Step]:
    """A way to answer that is really better."""
    better = candidates[candidates["verdict"].str.startswith(REAL)]
    return [
        Step(
            _answer_by(str(row["candidate"])),
            f"{signed(row['delta'])} ({signed(row['delta_low'])} to {signed(row['delta_high'])})",
            "out of fold on test-like pages, corrected for the number of candidates compared",
        )
        for row in better.head(1).to_dict(orient="records")
    ]


def _answer_by(candidate: str) -> str:
    name = candidate.removeprefix(all_but(""))
    if name == candidate:
        return f"Answer by {candidate}, see Candidates."
    return f'Do without the member {name} (kedro run --params "members.{name}.enabled=false").'


def about_training(histories: pd.DataFrame, preset: str) -> list[Step]:
    """Networks that still rise, by a preset that is not the longest."""
    if histories.empty or preset not in LONGER:
        return []
    keys = [key for key in ("group", "model", "fold") if key in histories.columns]
    last = histories.sort_values("epoch", kind="stable").groupby(keys, dropna=False)["test_like_macro_f1"].agg(list)
    rises = [own[-1] - own[-2] for own in last if len(own) > 1]
    rise = sum(rises) / len(rises) if rises else 0.0
    if rise < STILL_RISING:
        return []
    return [
        Step(
            f'Train longer, with a preset that takes more steps (kedro run --params "preset={LONGER[preset]}").',
            f"less than {signed(rise)} to a network",
            f"what the last epoch still added on held-out pages, the mean of {len(rises)} trainings; each adds less "
            "than the one before",
        )
    ]


def about_reading(class_scores: pd.DataFrame, is_read: bool) -> list[Step]:
    """Classes that words may tell apart."""
    if is_read or _weak(class_scores).empty:
        return []
    return [
        Step(
            "If what stands on the pages of the weakest classes tells them apart, let a member read "
            '(kedro run --params "members.reading.enabled=true").',
            "not known before it is tried",
            "it joins only where its gain out of fold is above zero, so it can cost time alone",
        )
    ]


def about_review(needs_review: pd.DataFrame, pages: int) -> list[Step]:
    """Pages that a person should answer."""
    if needs_review.empty:
        return []
    wrong = float((1 - needs_review["confidence"].astype(float)).sum())
    return [
        Step(
            f"Look at the {len(needs_review)} test pages in needs_review.csv.",
            f"about {wrong:.0f} wrong answers mended, {signed(wrong / max(pages, 1))} in accuracy",
            "by their calibrated confidence",
        )
    ]


def _weak(class_scores: pd.DataFrame) -> pd.DataFrame:
    """The weakest classes, the weakest first."""
    scores = class_scores["test_like_f1"]
    return class_scores[scores < scores.mean() - WEAK].sort_values("test_like_f1").head(NAMED)
