"""Which routing rule a specialist gets: every candidate is tried, the best of the other folds answers a fold's pages.

So what is reported of a page was chosen without it, and the search costs no honesty: the gain of the rules that were
chosen this way (nested) is what the gate looks at, the gain of the rule that fits all pages best (fitted) is what a
careless search would have promised. Not to speak is a candidate too, and the first: a rule must be better, not equal.

What it does not know: out of fold one fold's models answer, on test pages the mean of five, which is less sure. A
threshold of margin or entropy catches somewhat more pages there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.errors import InputError
from docsort.metrics import macro_f1, mean_over_members
from docsort.specialists.groups import SpecialistGroup
from docsort.specialists.parameters import SpecialistParameters, Trigger
from docsort.specialists.routing import (
    RoutingRule,
    apply_specialists,
    entropies,
    is_first_guess,
    margins,
    top_targets,
)

MASSES = (0.3, 0.5, 0.7, 0.9)
"""Thresholds tried of the trigger `mass`."""

QUANTILES = (0.25, 0.5, 0.75)
"""Thresholds tried of `margin` and `entropy`: so much of the pages whose first guess is in the group. Few of all kinds,
because each is one more chance to fit to luck."""

JUDGED_VIEW = "test_like"


@dataclass(frozen=True)
class FittedRule:
    """rule: the best on all folds, None where silence is; fitted, nested: class numbers (N,) answered by that rule and
    by the rules that the other folds chose; rivals: how many rules were tried."""

    rule: RoutingRule | None
    fitted: NDArray[np.int64]
    nested: NDArray[np.int64]
    rivals: int


def judged_pages(members: pd.DataFrame) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Means of the test-like pages, (N rows), and (N,) the fold that held each out; members: out of fold."""
    judged = members[members["view"] == JUDGED_VIEW]
    if judged.empty:
        raise InputError(f"Expected out-of-fold predictions of the view {JUDGED_VIEW}, but there are none.")
    means = mean_over_members(judged)
    held_out = judged.drop_duplicates("render_id").set_index("render_id")["fold"].astype(int)
    return means, np.asarray(means["render_id"].map(held_out), dtype=np.int64)


def candidate_rules(means: pd.DataFrame, group: SpecialistGroup, parameters: SpecialistParameters) -> list[RoutingRule]:
    """All that are allowed, the plainest first. means: pages, whose labels are not read."""
    return [
        RoutingRule(group, routing, trigger, threshold)
        for trigger in parameters.triggers
        for threshold in _thresholds(means, group, trigger)
        for routing in parameters.routings
    ]


def fit_rule(
    means: pd.DataFrame, specialist_members: pd.DataFrame, page_folds: NDArray[np.int64], rules: Sequence[RoutingRule]
) -> FittedRule:
    """means: of the general models, out of fold, (N rows); page_folds: (N,) the fold that held each page out.

    Best is the highest macro-F1; of equal ones the first of `rules`. Raises InputError for pages of one fold alone.
    """
    folds = np.unique(page_folds)
    if len(folds) < 2:
        raise InputError(
            f"Expected out-of-fold predictions of at least two folds to choose a specialist's rule on, but got "
            f"{len(folds)}; run the training of every fold."
        )
    labels = means["label"].to_numpy(np.int64)
    silent = top_targets(means)
    answers = np.stack([silent, *(top_targets(apply_specialists(means, specialist_members, [rule])) for rule in rules)])
    nested = silent.copy()
    for fold in folds:
        own = page_folds == fold
        nested[own] = answers[_best(labels[~own], answers[:, ~own])][own]
    best = _best(labels, answers)
    return FittedRule(rules[best - 1] if best else None, answers[best], nested, len(rules))


def _thresholds(means: pd.DataFrame, group: SpecialistGroup, trigger: Trigger) -> list[float]:
    if trigger == "top1":
        return [0.0]
    if trigger == "mass":
        return list(MASSES)
    asked = means.loc[is_first_guess(means, group), group.columns].to_numpy(np.float64)
    doubts = margins(asked) if trigger == "margin" else entropies(asked)
    return sorted({float(value) for value in np.quantile(doubts, QUANTILES)}) if len(doubts) else []


def _best(labels: NDArray[np.int64], answers: NDArray[np.int64]) -> int:
    """Row of the answers (rivals, N) with the highest macro-F1, the first of equal ones."""
    return int(np.argmax([macro_f1(labels, rival) for rival in answers]))
