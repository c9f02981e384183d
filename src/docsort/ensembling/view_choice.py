"""How many views of a page are worth their cost: score against forward passes, on test-like validation pages.

Every policy is tried on what the models predicted out of fold, so it costs no forward pass. What is scored is the mean
of all models by stacked weights (`stacking`), and with these weights the lead is taken that ends an adaptive policy.
Taken is the cheapest whose macro-F1 is within a tolerance of the best. The choice is also made fold by fold on the
other folds' pages, weights included, and what it loses on its own is the honest figure of what is lost.

Legend of shapes: P pages, M models, V views, C classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.ensembling.stack import MemberStack, stack_members
from docsort.ensembling.stacking import fit_stacked
from docsort.ensembling.weighing import Weighing
from docsort.errors import InputError, listing
from docsort.gates import Rows, cross_fit
from docsort.members.views import (
    Asked,
    View,
    ViewPolicy,
    members_of,
    pivot,
    view_weights,
    views_asked,
    weighted_mean,
)
from docsort.metrics import bootstrap_interval, macro_f1, paired_bootstrap
from docsort.seeding import derive_seed
from docsort.tables import judged, targets_of

VIEW_CURVE = ("name", "forwards", "macro_f1", "low", "high", "delta", "delta_low", "delta_high", "chosen")
"""One row per policy, cheapest first. forwards: passes of one square per page and model; low, high: interval of
macro_f1; delta: macro_f1 less that of all views, with its paired interval; chosen: the one that is used."""

ORDER = (0, 6, 3, 5, 2, 4, 1, 7)
"""Turns in the order in which they are asked for: of the first two and four as many are mirrored as not, and of the
first four as many lie on their side as not."""

MARGINS = (0.03, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 0.9, 0.95)
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


@dataclass(frozen=True)
class _Pages:
    """Test-like pages, out of fold. stack: the models' means over all views; truth: (P,) columns of the labels; cubes:
    (P, V, C) by model, in the order of the names."""

    stack: MemberStack
    truth: NDArray[np.int64]
    cubes: tuple[NDArray[np.float64], ...]
    seed: int

    def asked(self, policy: ViewPolicy, rows: Rows) -> NDArray[np.int64]:
        """How many views of each page of these rows are asked for."""
        places = np.arange(int(rows.sum()))
        own = [
            Asked(name, places, cube[rows, : len(policy.views)])
            for name, cube in zip(self.stack.names, self.cubes, strict=True)
        ]
        return views_asked(own, policy, len(places))

    def answers(self, policy: ViewPolicy, weighing: Weighing, rows: Rows) -> NDArray[np.int64]:
        """The winners' columns of the pages of these rows."""
        stack = self.stack.rows(rows)
        weights = view_weights(stack.pages["render_id"], self.asked(policy, rows), policy, self.seed)
        means = [weighted_mean(cube[rows, : len(policy.views)], weights) for cube in self.cubes]
        return weighing.answers(replace(stack, probabilities=np.stack(means, axis=1)))

    def weigh(self, rows: Rows) -> Weighing:
        return fit_stacked(self.stack.rows(rows), self.truth[rows], "soft")


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
    tried = policies(turns, scales)
    names = [policy.name for policy in tried]
    given = None if wanted == "auto" else names.index(named_policy(wanted, turns, scales).name)
    pages = _pages(seen, tried[names.index("all")], seed)
    folds = np.asarray(pages.stack.held_out)

    def choose(rows: Rows) -> tuple[int, Weighing]:
        weighing = pages.weigh(rows)
        if given is not None:
            return given, weighing
        own = [_weighed(policy, weighing, pages.stack) for policy in tried]
        scores = [macro_f1(pages.truth[rows], pages.answers(policy, weighing, rows)) for policy in own]
        costs = [policy.draws or pages.asked(policy, rows).mean() for policy in own]
        return _cheapest(np.array(scores), np.array(costs), tried, tolerance), weighing

    found = cross_fit(folds, choose, lambda chosen, rows: _answers(pages, tried[chosen[0]], chosen[1], rows))
    chosen = {
        fold: _weighed(tried[number], weighing, pages.stack) for fold, (number, weighing) in found.by_fold.items()
    }
    number, weighing = found.fitted
    curve, level = _curve(pages, tried, {fold: own for fold, (_, own) in found.by_fold.items()}, number)
    lost = macro_f1(pages.truth, level) - macro_f1(pages.truth, found.nested)
    return ViewChoice(_weighed(tried[number], weighing, pages.stack), chosen, curve, lost)


def _pages(seen: pd.DataFrame, whole: ViewPolicy, seed: int) -> _Pages:
    stack = stack_members(members_of(seen, whole))
    truth = np.searchsorted(targets_of(stack.columns), stack.pages["label"].to_numpy(np.int64))
    cubes = tuple(pivot(seen[seen["model"] == name], whole)[1] for name in stack.names)
    return _Pages(stack, truth, cubes, seed)


def _weighed(policy: ViewPolicy, weighing: Weighing, stack: MemberStack) -> ViewPolicy:
    """The policy with the weights of the mean whose lead it looks at."""
    weights = dict(zip(stack.names, weighing.weights.tolist(), strict=True))
    return policy.model_copy(update={"weights": weights}) if policy.stops else policy


def _answers(pages: _Pages, policy: ViewPolicy, weighing: Weighing, rows: Rows) -> NDArray[np.int64]:
    return pages.answers(_weighed(policy, weighing, pages.stack), weighing, rows)


def _curve(
    pages: _Pages, tried: Sequence[ViewPolicy], weighings: Mapping[int, Weighing], chosen: int
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """The table VIEW_CURVE, each fold's pages answered with the weights of the others, and the answers (P,) from all
    views."""
    folds = np.asarray(pages.stack.held_out)
    answers, costs = [np.zeros(len(folds), dtype=np.int64) for _ in tried], np.zeros((len(tried), len(folds)))
    for number, policy in enumerate(tried):
        for fold, weighing in weighings.items():
            rows = folds == fold
            answers[number][rows] = _answers(pages, policy, weighing, rows)
            costs[number, rows] = policy.draws or pages.asked(_weighed(policy, weighing, pages.stack), rows)
    level = answers[[policy.name for policy in tried].index("all")]
    own, groups, truth = derive_seed(pages.seed, "view curve"), pages.stack.pages["group"], pages.truth
    rows = []
    for number, (policy, answer) in enumerate(zip(tried, answers, strict=True)):
        interval = bootstrap_interval(truth, answer, groups, DRAWS, own)
        delta = paired_bootstrap(truth, level, answer, groups, DRAWS, own)
        cost = float(costs[number].mean())
        table_row = (policy.name, cost, macro_f1(truth, answer), *interval, *delta, number == chosen)
        rows.append(table_row)
    curve = pd.DataFrame(rows, columns=list(VIEW_CURVE))
    return curve.sort_values(["forwards", "name"], ignore_index=True), level


def _cheapest(scores: np.ndarray, costs: np.ndarray, tried: Sequence[ViewPolicy], tolerance: float) -> int:
    """The cheapest within the tolerance of the best; random views are only there to be compared with."""
    fair = np.array([policy.draws == 0 for policy in tried])
    good = fair & (scores >= scores[fair].max() - tolerance - 1e-12)
    return int(min(np.flatnonzero(good), key=lambda number: (costs[number], -scores[number])))


def _nearest_first(scales: Sequence[int]) -> list[int]:
    return sorted(set(scales), key=lambda scale: (abs(scale - 100), scale))
