"""Test-time augmentation: in which dihedral turns and at which scales a page is predicted, and when that is enough.

A model is asked about a page one view after the other. With a margin given, it is asked no more once the mean so far is
sure: its largest probability leads the second by that much. The same function says when, in a worker that predicts and
on a table of predictions, so what was left out there is not missed here.

Averaging over turned pages is test-time augmentation (Krizhevsky et al., NIPS 2012); the eight turns are a group, so
their mean is exact where random turns only come near it (Cohen & Welling, ICML 2016).

Legend of shapes: R pages of one member, V views, C classes.
"""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, model_validator

from docsort.errors import InputError, listing
from docsort.metrics import MEMBER_KEYS, check_probabilities
from docsort.parameters import Parameters
from docsort.seeding import derive_rng
from docsort.tables import PREDICTION_KEYS, VIEW_KEYS, check_columns, probability_columns

View = tuple[int, int]
"""Dihedral turn, and scale in percent."""

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
        default=None, ge=0, description="lead of the first class that ends it; null: always all views"
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

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The policy of the record `view_policy`."""
        return cls.model_validate(record["policy"])


def all_views(turns: tuple[int, ...] = tuple(range(8)), scales: tuple[int, ...] = (100,)) -> ViewPolicy:
    """Every turn at every scale, always."""
    return ViewPolicy(name="all", views=tuple((turn, scale) for scale in scales for turn in turns))


def is_done(probabilities: NDArray[np.floating[Any]], margin: float | None) -> NDArray[np.bool_]:
    """Which pages are sure enough, (R,), from the predictions so far (R, views so far, C)."""
    if margin is None:
        return np.zeros(len(probabilities), dtype=bool)
    mean = np.cumsum(probabilities.astype(np.float64), axis=1)[:, -1] / probabilities.shape[1]
    if mean.shape[1] < 2:
        return np.ones(len(mean), dtype=bool)
    best = np.partition(mean, -2, axis=1)
    return np.asarray(best[:, -1] - best[:, -2] >= margin)


def views_asked(probabilities: Floats, policy: ViewPolicy) -> Integers:
    """How many views each page is asked for, (R,), from (R, V, C); what comes after may be missing (NaN)."""
    counts = np.full(len(probabilities), len(policy.views))
    open_rows = np.arange(len(probabilities))
    for stop in policy.stops:
        done = is_done(probabilities[open_rows, :stop], policy.stop_margin)
        counts[open_rows[done]] = stop
        open_rows = open_rows[~done]
    return counts


def pages_wanting(known: NDArray[np.float32], policy: ViewPolicy) -> NDArray[np.bool_]:
    """Which pages are to be asked for more than is known of them (R, V, C), NaN where nothing is."""
    wanting, open_rows = np.zeros(len(known), dtype=bool), np.arange(len(known))
    for first, end in policy.stages:
        lacks = np.isnan(known[open_rows, first:end, 0]).any(axis=1)
        wanting[open_rows[lacks]] = True
        open_rows = open_rows[~lacks]
        open_rows = open_rows[~is_done(known[open_rows, :end], policy.stop_margin)]
    return wanting


def members_of(predictions: pd.DataFrame, policy: ViewPolicy | None = None, seed: int = 0) -> pd.DataFrame:
    """One row a (model, fold, render), columns MEMBER_KEYS and the mean p_<target> of the views that were asked for.

    predictions: PREDICTION_KEYS and p_<target>; policy: None takes all views that are there. Rows come sorted by
    condition, render, model and fold, whatever the order of the input. Raises InputError for broken probabilities,
    repeated rows, and for a page that lacks a view it needs.
    """
    check_columns(predictions, PREDICTION_KEYS, "predictions")
    columns = probability_columns(predictions)
    check_probabilities(predictions)
    if policy is None:
        there = predictions[list(VIEW_KEYS)].drop_duplicates().sort_values(["scale", "turn"])
        policy = ViewPolicy(name="all", views=tuple(zip(there["turn"], there["scale"], strict=True)) or ((0, 100),))
    parts = [pd.DataFrame(columns=[*MEMBER_KEYS, *columns])]
    for (model, fold), own in predictions.groupby(["model", "fold"], sort=False):
        keys, cube = pivot(own, policy)
        means = _means(cube, keys, policy, seed, f"{model}, fold {fold}")
        parts.append(pd.concat([keys, pd.DataFrame(means, columns=columns)], axis=1))
    members = pd.concat(parts[1:] or parts, ignore_index=True)
    return members.sort_values(["condition", "render_id", "model", "fold"], kind="stable", ignore_index=True)


def forwards_of(predictions: pd.DataFrame, policy: ViewPolicy) -> float:
    """Mean number of views that a page and member are asked for; NaN where there are none."""
    if policy.draws or policy.stop_margin is None:
        return float(policy.draws or len(policy.views))
    counts = [views_asked(pivot(own, policy)[1], policy) for _, own in predictions.groupby(["model", "fold"])]
    return float(np.concatenate(counts).mean()) if counts else float("nan")


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


def _means(cube: Floats, keys: pd.DataFrame, policy: ViewPolicy, seed: int, member: str) -> Floats:
    """(R, C)"""
    if policy.draws:
        weights = draw_views(keys["render_id"], policy, seed).astype(np.float64)
    else:
        weights = (np.arange(cube.shape[1]) < views_asked(cube, policy)[:, None]).astype(np.float64)
    used = weights > 0
    lacking = np.flatnonzero((np.isnan(cube[:, :, 0]) & used).any(axis=1))
    if len(lacking):
        raise InputError(
            f"Expected every page to be predicted in the views of `{policy.name}`, but {member} lacks some of "
            f"{len(lacking)} pages: {listing(keys['render_id'].iloc[lacking])}; predict again."
        )
    total = np.einsum("rv,rvc->rc", weights, np.where(used[:, :, None], cube, 0.0))
    return np.asarray(total / weights.sum(axis=1, keepdims=True))
