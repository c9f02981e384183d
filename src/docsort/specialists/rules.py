"""Which routing rule a specialist gets: all are tried, and the best of the other folds answers each fold's pages.

So what is reported of a page was chosen without it, and the search costs no honesty: the gain of the rules that were
chosen this way (nested) is what the gate looks at, the gain of the rule that fits all pages best (fitted) is what a
careless search would have promised. To ask no specialist is a candidate too, and the first: a rule must be better, not
equal.

What it does not know: out of fold one fold's models answer, on test pages the mean of five, which is less sure. A
threshold of margin or entropy catches somewhat more pages there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.gates import cross_fit
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
from docsort.tables import judged

MASSES = (0.3, 0.5, 0.7, 0.9)
"""Thresholds tried of the trigger `mass`."""

QUANTILES = (0.25, 0.5, 0.75)
"""Thresholds tried of `margin` and `entropy`: so much of the pages whose first guess is in the group. Few of all kinds,
because each is one more chance to fit to luck."""


@dataclass(frozen=True)
class FittedRule:
    """rule: the best on all folds; by_fold: for each fold, the best on all others; None where to ask no specialist is
    best. fitted, nested: class numbers (N,) answered by `rule` and by `by_fold`; rivals: how many rules were tried."""

    rule: RoutingRule | None
    by_fold: dict[int, RoutingRule | None]
    fitted: NDArray[np.int64]
    nested: NDArray[np.int64]
    rivals: int


def judged_pages(members: pd.DataFrame) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Means of the test-like pages, (N rows), and (N,) the fold that held each out; members: out of fold."""
    seen = judged(members, "out-of-fold predictions")
    means = mean_over_members(seen)
    held_out = seen.drop_duplicates("render_id").set_index("render_id")["fold"].astype(int)
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
    labels, before = means["label"].to_numpy(np.int64), top_targets(means)
    answers = np.stack([before, *(top_targets(apply_specialists(means, specialist_members, [rule])) for rule in rules)])
    found = cross_fit(
        page_folds, lambda rows: _best(labels[rows], answers[:, rows]), lambda best, rows: answers[best, rows]
    )
    options = [None, *rules]
    by_fold = {fold: options[best] for fold, best in found.by_fold.items()}
    return FittedRule(options[found.fitted], by_fold, answers[found.fitted], found.nested, len(rules))


def record_of_rule(rule: RoutingRule) -> dict[str, Any]:
    """JSON-able: group_name, targets, routing, trigger, threshold, weight."""
    group = {"group_name": rule.group.name, "targets": list(rule.group.targets)}
    return group | {name: getattr(rule, name) for name in ("routing", "trigger", "threshold", "weight")}


def rules_of_record(rules: Sequence[Mapping[str, Any]]) -> list[RoutingRule]:
    """What `record_of_rule` made of each."""
    return [
        RoutingRule(
            SpecialistGroup(rule["group_name"], tuple(rule["targets"])),
            rule["routing"],
            rule["trigger"],
            rule["threshold"],
            rule.get("weight", 1.0),
        )
        for rule in rules
    ]


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
