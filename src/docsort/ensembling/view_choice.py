"""How many views of a page are worth their cost: score against forward passes, on test-like validation pages.

Every way of looking is tried on what the models said out of fold, so it costs no forward pass. Taken is the cheapest
whose macro-F1 is within a tolerance of the best. The choice is also made fold by fold on the other folds' pages, and
what it loses on its own is the honest figure of what is lost.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from docsort.errors import InputError, listing
from docsort.metrics import bootstrap_interval, macro_f1, mean_over_members, paired_bootstrap
from docsort.seeding import derive_seed
from docsort.specialists.routing import top_targets
from docsort.views import View, ViewPolicy, forwards_of, members_of

VIEW_CURVE = ("name", "forwards", "macro_f1", "low", "high", "delta", "delta_low", "delta_high", "chosen")
"""One row a way of looking, cheapest first. forwards: passes of one square a page and model; low, high: interval of
macro_f1; delta: macro_f1 less that of all views, with its paired interval; chosen: the one that is used."""

ORDER = (0, 6, 3, 5, 2, 4, 1, 7)
"""Turns in the order in which they are asked for: the first two, four and eight are subgroups of the dihedral group or
next to one, so that plain and mirrored, upright and lying pages are seen alike early."""

MARGINS = (0.03, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 0.9, 0.95)
RANDOM_DRAWS = 20
"""What was usual: 20 random flips and quarter-turns."""

DRAWS = 400
"""Bootstrap draws of source groups for the curve's intervals."""


def policies(turns: Sequence[int], scales: Sequence[int]) -> list[ViewPolicy]:
    """The ways of looking that are compared: the first views, all of them, stopping early, and random ones."""
    ordered: list[View] = [(turn, scale) for scale in _nearest_first(scales) for turn in ORDER if turn in set(turns)]
    counts = [count for count in (1, 2, 4, 8, 16, 32) if count < len(ordered)]
    fixed = [ViewPolicy(name=f"first {count}", views=tuple(ordered[:count])) for count in counts]
    whole = ViewPolicy(name="all", views=tuple(ordered))
    adaptive = [
        ViewPolicy(name=f"until {margin:g}", views=tuple(ordered), looks=tuple(counts), margin=margin)
        for margin in MARGINS
        if counts
    ]
    drawn = ViewPolicy(name=f"{RANDOM_DRAWS} random", views=tuple(ordered), draws=RANDOM_DRAWS)
    return [*fixed, *adaptive, whole, drawn]


def named_policy(name: str, turns: Sequence[int], scales: Sequence[int]) -> ViewPolicy:
    """The policy of this name. Raises InputError where there is none."""
    known = {policy.name: policy for policy in policies(turns, scales)}
    if name not in known:
        raise InputError(
            f"Expected `ensembling.views` to be auto or one of {listing(list(known), 20)}, but got {name!r}."
        )
    return known[name]


def choose_views(
    oof_predictions: pd.DataFrame,
    turns: Sequence[int],
    scales: Sequence[int],
    tolerance: float,
    seed: int,
    wanted: str = "auto",
) -> tuple[ViewPolicy, pd.DataFrame, float]:
    """The policy, the table VIEW_CURVE, and by how much it is worse than all views where it was not chosen on the pages
    that it is scored on.

    oof_predictions: every model in all views; the mean of all models is what is scored. wanted: a policy by its name,
    or auto.
    """
    seen = oof_predictions[oof_predictions["view"] == "test_like"]
    if seen.empty:
        raise InputError("Expected out-of-fold predictions of the view test_like, but there are none; train first.")
    tried = policies(turns, scales)
    answers, forwards = [], []
    for policy in tried:
        members = members_of(seen, policy, seed)
        means = mean_over_members(members)
        answers.append(top_targets(means))
        forwards.append(forwards_of(seen, policy))
    labels, costs = means["label"].to_numpy(int), np.array(forwards)
    scores = np.array([macro_f1(labels, answer) for answer in answers])
    place = next(number for number, policy in enumerate(tried) if policy.name == "all")
    if wanted == "auto":
        chosen = _cheapest(scores, costs, tried, tolerance)
        folds = _folds_of(seen, means)
        loss = _nested_loss(labels, answers, costs, tried, folds, tolerance, place)
    else:
        chosen = [policy.name for policy in tried].index(named_policy(wanted, turns, scales).name)
        loss = float(scores[place] - scores[chosen])
    rows = []
    for number, (policy, answer) in enumerate(zip(tried, answers, strict=True)):
        own = derive_seed(seed, "view curve")
        interval = bootstrap_interval(labels, answer, means["group"], DRAWS, own)
        delta = paired_bootstrap(labels, answers[place], answer, means["group"], DRAWS, own)
        rows.append((policy.name, costs[number], scores[number], *interval, *delta, number == chosen))
    curve = pd.DataFrame(rows, columns=list(VIEW_CURVE)).sort_values(["forwards", "name"], ignore_index=True)
    return tried[chosen], curve, loss


def _cheapest(scores: np.ndarray, costs: np.ndarray, tried: Sequence[ViewPolicy], tolerance: float) -> int:
    """The cheapest within the tolerance of the best; random views are only there to be compared with."""
    fair = np.array([policy.draws == 0 for policy in tried])
    good = fair & (scores >= scores[fair].max() - tolerance - 1e-12)
    return int(min(np.flatnonzero(good), key=lambda number: (costs[number], -scores[number])))


def _nested_loss(
    labels: np.ndarray,
    answers: Sequence[np.ndarray],
    costs: np.ndarray,
    tried: Sequence[ViewPolicy],
    folds: np.ndarray,
    tolerance: float,
    place: int,
) -> float:
    """Macro-F1 of all views less that of answers whose views were chosen on the other folds."""
    nested = np.zeros_like(answers[0])
    for fold in np.unique(folds):
        others, own = folds != fold, folds == fold
        scores = np.array([macro_f1(labels[others], answer[others]) for answer in answers])
        nested[own] = answers[_cheapest(scores, costs, tried, tolerance)][own]
    return macro_f1(labels, answers[place]) - macro_f1(labels, nested)


def _folds_of(seen: pd.DataFrame, means: pd.DataFrame) -> np.ndarray:
    held_out = seen.drop_duplicates("render_id").set_index("render_id")["fold"]
    return means["render_id"].map(held_out).to_numpy(int)


def _nearest_first(scales: Sequence[int]) -> list[int]:
    return sorted(set(scales), key=lambda scale: (abs(scale - 100), scale))
