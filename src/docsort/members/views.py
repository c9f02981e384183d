"""Test-time augmentation: in which dihedral turns and at which scales a page is predicted, and when that is enough.

All members are asked about a page one view after the other. With a margin given, they are asked no more once they are
sure together: the largest probability of their weighted mean so far leads the second by that much. The same function
says when, in a worker that predicts and on a table of predictions, so what was left out there is not missed here.

Averaging over turned pages is test-time augmentation (Krizhevsky et al., NIPS 2012); the eight turns are a group, so
their mean is exact where random turns only come near it (Cohen & Welling, ICML 2016).

Legend of shapes: R pages, V views, C classes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, model_validator

from docsort.errors import InputError, listing
from docsort.metrics import MEMBER_KEYS, check_probabilities
from docsort.parameters import Parameters
from docsort.seeding import derive_rng
from docsort.tables import PREDICTION_KEYS, VIEW_KEYS, check_columns, probability_columns

View = tuple[int, int]
"""Dihedral turn, and scale in percent."""

AS_IT_LIES: View = (0, 100)
"""Not turned, and at the member's own side."""

LARGEST_SCALE = 400
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class ViewPolicy(Parameters):
    """The views that a page is answered from, in the order in which they are asked for."""

    name: str
    views: tuple[View, ...] = Field(min_length=1, description="(turn 0 to 7, scale in percent), in order")
    stops: tuple[int, ...] = Field(
        default=(), description="after so many views, ascending and fewer than all, a page may be done"
    )
    stop_margin: float | None = Field(
        default=None, ge=0, description="lead of the first class in the members' mean that ends it; null: all views"
    )
    weights: dict[str, NonNegativeFloat] = Field(
        default={}, description="of the models in that mean, others have no say; empty: all alike"
    )
    draws: int = Field(default=0, ge=0, description="views drawn with replacement instead; 0: each view once")

    @model_validator(mode="after")
    def _check(self) -> Self:
        wrong = [view for view in self.views if not (0 <= view[0] < 8 and 0 < view[1] <= LARGEST_SCALE)]
        if wrong or len(set(self.views)) != len(self.views):
            raise ValueError(
                "Expected views to be different pairs of a turn from 0 to 7 and a scale from 1 to "
                f"{LARGEST_SCALE} percent, but got {self.views}."
            )
        if any(not 0 < stop < len(self.views) for stop in self.stops) or list(self.stops) != sorted(set(self.stops)):
            raise ValueError(f"Expected stops to ascend from 1 to less than {len(self.views)}, but got {self.stops}.")
        if (self.stop_margin is None) != (not self.stops):
            raise ValueError(
                "Expected stop_margin and stops together: after how many views to check, and what ends it; give both "
                "or none."
            )
        return self

    @property
    def stages(self) -> list[tuple[int, int]]:
        """From which view to which (not included) is asked between two stops."""
        ends = (*self.stops, len(self.views))
        return list(zip((0, *ends[:-1]), ends, strict=True))

    def until(self, end: int) -> "ViewPolicy":
        """All of the first `end` views, of as many as there are."""
        return ViewPolicy(name=self.name, views=self.views[:end])

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The policy of the record `view_policy`."""
        return cls.model_validate(record["policy"])


def all_views(turns: tuple[int, ...] = tuple(range(8)), scales: tuple[int, ...] = (100,)) -> ViewPolicy:
    """Every turn at every scale, always."""
    return ViewPolicy(name="all", views=tuple((turn, scale) for scale in scales for turn in turns))


@dataclass(frozen=True, eq=False)
class Asked:
    """What one member of `model` predicts of the pages at `rows`, (R,): (R, V, C), NaN where it was not asked."""

    model: str
    rows: Integers
    probabilities: Floats


def views_asked(members: Iterable[Asked], policy: ViewPolicy, pages: int) -> Integers:
    """How many views each of so many pages is asked for, (pages,); what comes after may be missing.

    members: in the order of their models and folds, for sums depend on it. A page that lacks something is never sure.
    """
    counts, open_rows = np.full(pages, len(policy.views)), np.arange(pages)
    heard = [own for own in members if not policy.weights or policy.weights.get(own.model, 0) > 0]
    for stop in policy.stops:
        done = is_sure(_mean_so_far(heard, policy.weights, stop, pages)[open_rows], policy.stop_margin or 0.0)
        counts[open_rows[done]] = stop
        open_rows = open_rows[~done]
    return counts


def is_sure(means: Floats, margin: float) -> NDArray[np.bool_]:
    """Whether the first class of each of the means (R, C) leads the second by the margin; NaN is never sure."""
    if means.shape[1] < 2:
        return np.ones(len(means), dtype=bool)
    best = np.partition(means, -2, axis=1)
    return np.asarray(best[:, -1] - best[:, -2] >= margin)


def lacking(probabilities: NDArray[np.floating[Any]], counts: Integers) -> NDArray[np.bool_]:
    """Which pages have not been predicted in all of the first `counts` views (R,); probabilities: (R, V, C)."""
    wanted = np.arange(probabilities.shape[1]) < counts[:, None]
    return np.asarray((np.isnan(probabilities[:, :, 0]) & wanted).any(axis=1))


def page_views(predictions: pd.DataFrame, policy: ViewPolicy) -> pd.Series:
    """How many views each page is asked for, by condition and render; predictions: of the members that have a say, out
    of fold or on test pages."""
    pages = predictions[["condition", "render_id"]].drop_duplicates()
    index = pd.MultiIndex.from_frame(pages.astype(str)).sort_values()
    asked = []
    for (model, _), own in predictions.groupby(["model", "fold"]) if policy.stops else ():
        keys, cube = pivot(own, policy)
        asked.append(Asked(str(model), index.get_indexer(_pages_of(keys)), cube))
    return pd.Series(views_asked(asked, policy, len(index)), index=index)


def members_of(
    predictions: pd.DataFrame, policy: ViewPolicy | None = None, seed: int = 0, counts: pd.Series | None = None
) -> pd.DataFrame:
    """One row a (model, fold, render), columns MEMBER_KEYS and the mean p_<target> of the views that were asked for.

    predictions: PREDICTION_KEYS and p_<target>; policy: None takes all views that are there; counts: `page_views`, None
    for those of these very predictions. Rows come sorted by condition, render, model and fold, whatever the order of
    the input. Raises InputError for broken probabilities, repeated rows, and for a page that lacks a view it needs.
    """
    check_columns(predictions, PREDICTION_KEYS, "predictions")
    columns = probability_columns(predictions)
    check_probabilities(predictions)
    if policy is None:
        there = predictions[list(VIEW_KEYS)].drop_duplicates().sort_values(["scale", "turn"])
        policy = ViewPolicy(name="all", views=tuple(zip(there["turn"], there["scale"], strict=True)) or ((0, 100),))
    if counts is None:
        counts = page_views(predictions, policy)
    parts = [pd.DataFrame(columns=[*MEMBER_KEYS, *columns])]
    for (model, fold), own in predictions.groupby(["model", "fold"], sort=False):
        keys, cube = pivot(own, policy)
        weights = view_weights(keys["render_id"], counts.loc[_pages_of(keys)].to_numpy(), policy, seed)
        _check_asked(cube, weights, keys, policy, f"{model}, fold {fold}")
        parts.append(pd.concat([keys, pd.DataFrame(weighted_mean(cube, weights), columns=columns)], axis=1))
    members = pd.concat(parts[1:] or parts, ignore_index=True)
    return members.sort_values(["condition", "render_id", "model", "fold"], kind="stable", ignore_index=True)


def forwards_of(predictions: pd.DataFrame, policy: ViewPolicy) -> float:
    """Mean number of views that a page is asked for by each member; NaN where there are none."""
    return float(policy.draws or page_views(predictions, policy).mean())


def pivot(own: pd.DataFrame, policy: ViewPolicy) -> tuple[pd.DataFrame, Floats]:
    """One member's pages, columns MEMBER_KEYS, by condition and render, and its predictions (R, V, C), NaN where it was
    not asked. Views that the policy does not know are left out.
    """
    place = {view: number for number, view in enumerate(policy.views)}
    ordered = own.sort_values(["condition", "render_id"], kind="stable", ignore_index=True)
    rows = ordered.groupby(["condition", "render_id"], sort=False).ngroup().to_numpy()
    firsts = np.flatnonzero(np.diff(rows, prepend=-1))
    numbers = np.array([place.get(view, -1) for view in zip(ordered["turn"], ordered["scale"], strict=True)], dtype=int)
    known = numbers >= 0
    repeated = pd.Series(rows[known] * len(place) + numbers[known]).duplicated()
    if repeated.any():
        twice = ordered["render_id"].to_numpy()[known][repeated]
        raise InputError(
            f"Expected one prediction a model, fold, render and view, but {len(twice)} are there twice, such as of "
            f"{listing(sorted(set(twice)), 3)}; two runs were joined: predict again."
        )
    values = ordered[probability_columns(ordered)].to_numpy(np.float64)
    cube = np.full((len(firsts), len(place), values.shape[1]), np.nan)
    cube[rows[known], numbers[known]] = values[known]
    return ordered.loc[firsts, list(MEMBER_KEYS)].reset_index(drop=True), cube


def draw_views(render_ids: pd.Series, policy: ViewPolicy, seed: int) -> Integers:
    """How often each view is drawn for each page: (R, V), rows summing to `draws`. A page's draws are its own."""
    drawn = np.zeros((len(render_ids), len(policy.views)), dtype=np.int64)
    for row, name in enumerate(render_ids):
        rng = derive_rng(seed, "random views", name)
        drawn[row] = np.bincount(rng.integers(0, len(policy.views), policy.draws), minlength=len(policy.views))
    return drawn


def view_weights(render_ids: pd.Series, counts: Integers, policy: ViewPolicy, seed: int) -> Floats:
    """(R, V) how much each view counts: the first `counts` (R,) once, or as often as it is drawn."""
    if policy.draws:
        return draw_views(render_ids, policy, seed).astype(np.float64)
    return np.asarray(np.arange(len(policy.views)) < counts[:, None], dtype=np.float64)


def weighted_mean(cube: Floats, weights: Floats) -> Floats:
    """(R, C) of predictions (R, V, C), by weights of views (R, V); those without one may be missing."""
    total = np.einsum("rv,rvc->rc", weights, np.where(weights[:, :, None] > 0, cube, 0.0))
    return np.asarray(total / weights.sum(axis=1, keepdims=True))


def _mean_so_far(members: Iterable[Asked], weights: Mapping[str, float], stop: int, pages: int) -> Floats:
    """(pages, C) the mean of the first `stop` views over folds, then over models by weight; member after member and
    view after view, so that a page's sum does not depend on which pages are beside it."""
    sums: dict[str, Floats] = {}
    heard: dict[str, Integers] = {}
    for member in members:
        total = np.cumsum(member.probabilities[:, :stop], axis=1)[:, -1] / stop
        own = sums.setdefault(member.model, np.zeros((pages, total.shape[1])))
        own[member.rows] += total
        heard.setdefault(member.model, np.zeros(pages, dtype=np.int64))[member.rows] += 1
    mean = np.zeros((pages, 1)) if sums else np.full((pages, 2), np.nan)
    share = sum(weights.get(model, 1.0) for model in sums)
    for model, total in sums.items():
        mean = mean + total / np.maximum(heard[model], 1)[:, None] * (weights.get(model, 1.0) / share)
    return mean


def _pages_of(keys: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(keys[["condition", "render_id"]].astype(str))


def _check_asked(cube: Floats, weights: Floats, keys: pd.DataFrame, policy: ViewPolicy, member: str) -> None:
    rows = np.flatnonzero((np.isnan(cube[:, :, 0]) & (weights > 0)).any(axis=1))
    if len(rows):
        raise InputError(
            f"Expected every page to be predicted in the views of `{policy.name}`, but {member} lacks some of "
            f"{len(rows)} pages: {listing(keys['render_id'].iloc[rows])}; predict again."
        )
