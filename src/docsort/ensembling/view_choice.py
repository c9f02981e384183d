"""How many views of a page are worth their cost: score against forward passes, on test-like validation pages.

Every policy is tried on what the models predicted out of fold, so it costs no forward pass. Taken is the cheapest whose
macro-F1 is within a tolerance of the best. The choice is also made fold by fold on the other folds' pages, and what it
loses on its own is the honest figure of what is lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from docsort.errors import InputError, listing
from docsort.gates import Rows, cross_fit
from docsort.members.views import View, ViewPolicy, forwards_of, members_of
from docsort.metrics import bootstrap_interval, macro_f1, paired_bootstrap
from docsort.seeding import derive_seed
from docsort.specialists.routing import top_targets
from docsort.specialists.rules import judged_pages
from docsort.tables import judged

VIEW_CURVE = ("name", "forwards", "macro_f1", "low", "high", "delta", "delta_low", "delta_high", "chosen")
"""One row per policy, cheapest first. forwards: passes of one square per page and model; low, high: interval of
macro_f1; delta: macro_f1 less that of all views, with its paired interval; chosen: the one that is used."""

ORDER = (0, 6, 3, 5, 2, 4, 1, 7)
"""Turns in the order in which they are asked for: of the first two and four as many are mirrored as not, and of the
first four as many lie on their side as not."""

MARGINS = (0.03, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 0.9, 0.95)
RANDOM_DRAWS = 20
"""What was usual: 20 random flips and quarter-turns."""

DRAWS = 400
"""Bootstrap draws of source groups for the curve's intervals."""


@dataclass(frozen=True)
class ViewChoice:
    """policy: chosen on all folds; by_fold: for each fold, what the other folds choose; curve: VIEW_CURVE; nested_loss:
    macro-F1 that `by_fold` loses against all views, each on its fold's pages."""

    policy: ViewPolicy
    by_fold: dict[int, ViewPolicy]
    curve: pd.DataFrame
    nested_loss: float

    @property
    def record(self) -> dict[str, Any]:
        """JSON-able, the dataset `view_policy`: `policy`, `nested_loss`, and `by_fold`, the fold's number as text."""
        by_fold = {str(fold): policy.model_dump(mode="json") for fold, policy in self.by_fold.items()}
        return {"policy": self.policy.model_dump(mode="json"), "nested_loss": self.nested_loss, "by_fold": by_fold}


def policies(turns: Sequence[int], scales: Sequence[int]) -> list[ViewPolicy]:
    """The policies that are compared: the first views, all of them, stopping early, and random ones."""
    ordered: list[View] = [(turn, scale) for scale in _nearest_first(scales) for turn in ORDER if turn in set(turns)]
    counts = [count for count in (1, 2, 4, 8, 16, 32) if count < len(ordered)]
    fixed = [ViewPolicy(name=f"first {count}", views=tuple(ordered[:count])) for count in counts]
    whole = ViewPolicy(name="all", views=tuple(ordered))
    adaptive = [
        ViewPolicy(name=f"until {margin:g}", views=tuple(ordered), stops=tuple(counts), stop_margin=margin)
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
) -> ViewChoice:
    """The policy that is used, and what it costs.

    oof_predictions: every model in all views; the mean of all models is what is scored. wanted: auto, or a policy by
    its name, which then every fold has.
    """
    seen = judged(oof_predictions, "out-of-fold predictions")
    given = None if wanted == "auto" else named_policy(wanted, turns, scales).name
    tried = policies(turns, scales)
    names, answers, forwards = [policy.name for policy in tried], [], []
    for policy in tried:
        means, page_folds = judged_pages(members_of(seen, policy, seed))
        answers.append(top_targets(means))
        forwards.append(forwards_of(seen, policy))
    labels, costs = means["label"].to_numpy(int), np.array(forwards)

    def choose(rows: Rows) -> int:
        scores = np.array([macro_f1(labels[rows], answer[rows]) for answer in answers])
        return _cheapest(scores, costs, tried, tolerance) if given is None else names.index(given)

    found = cross_fit(page_folds, choose, lambda number, rows: answers[number][rows])
    level = answers[names.index("all")]
    own = derive_seed(seed, "view curve")
    rows = []
    for number, answer in enumerate(answers):
        interval = bootstrap_interval(labels, answer, means["group"], DRAWS, own)
        delta = paired_bootstrap(labels, level, answer, means["group"], DRAWS, own)
        score = macro_f1(labels, answer)
        rows.append((names[number], costs[number], score, *interval, *delta, number == found.fitted))
    curve = pd.DataFrame(rows, columns=list(VIEW_CURVE)).sort_values(["forwards", "name"], ignore_index=True)
    by_fold = {fold: tried[number] for fold, number in found.by_fold.items()}
    return ViewChoice(tried[found.fitted], by_fold, curve, macro_f1(labels, level) - macro_f1(labels, found.nested))


def _cheapest(scores: np.ndarray, costs: np.ndarray, tried: Sequence[ViewPolicy], tolerance: float) -> int:
    """The cheapest within the tolerance of the best; random views are only there to be compared with."""
    fair = np.array([policy.draws == 0 for policy in tried])
    good = fair & (scores >= scores[fair].max() - tolerance - 1e-12)
    return int(min(np.flatnonzero(good), key=lambda number: (costs[number], -scores[number])))


def _nearest_first(scales: Sequence[int]) -> list[int]:
    return sorted(set(scales), key=lambda scale: (abs(scale - 100), scale))
