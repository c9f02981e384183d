"""Letting a specialist speak: soft routing.

A page whose first guess is in the group keeps the probability that the general model gave the group as a whole; the
specialist only says how that mass is shared within it. So a specialist cannot pull pages out of other classes, and a
page that the general model nearly gave to another class may still go there.

The trigger is the general model's own first guess, before any specialist spoke: the order of groups is of no account.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.errors import InputError, listing
from docsort.metrics import mean_over_members
from docsort.specialists.groups import SpecialistGroup, predictions_of_group
from docsort.tables import probability_columns, targets_of
from docsort.views import ViewPolicy, members_of


def top_targets(table: pd.DataFrame) -> NDArray[np.int64]:
    """The class number of each row's largest probability; equal ones go to the smallest number."""
    columns = probability_columns(table)
    best = table[columns].to_numpy().argmax(axis=1)
    return np.asarray(np.asarray(targets_of(columns), dtype=np.int64)[best])


def is_touched(table: pd.DataFrame, group: SpecialistGroup) -> NDArray[np.bool_]:
    """Which rows the group's specialist would have a say on."""
    return np.isin(top_targets(table), group.targets)


def apply_specialists(
    table: pd.DataFrame,
    specialist_predictions: pd.DataFrame,
    groups: Sequence[SpecialistGroup],
    policy: ViewPolicy | None = None,
) -> pd.DataFrame:
    """A copy of the table in which every group's specialist has spoken.

    table: means or members (`metrics.mean_over_members`, `views.members_of`); specialist_predictions: the joined
    prediction table of all specialists, averaged here over views and members as the general model is.
    """
    spoken = table.copy()
    for group in groups:
        own = predictions_of_group(specialist_predictions, group)
        means = mean_over_members(members_of(own, policy).drop(columns="views"))
        touched = is_touched(table, group)
        spoken.loc[touched, group.columns] = redistribute(table[touched], means, group)
    return spoken


def redistribute(touched: pd.DataFrame, means: pd.DataFrame, group: SpecialistGroup) -> NDArray[np.float64]:
    """The group's probabilities of the touched rows, (rows, classes of the group), after the specialist spoke.

    Each row's sum stays what it was. Raises InputError naming renders that the specialist has not seen.
    """
    index = pd.MultiIndex.from_frame(means[["view", "render_id"]])
    rows = index.get_indexer(pd.MultiIndex.from_frame(touched[["view", "render_id"]]))
    if (rows < 0).any():
        raise InputError(
            f"Expected specialist {group.name} to have predicted every page that the general model takes for one of "
            f"its classes, but {(rows < 0).sum()} are missing: {listing(touched.loc[rows < 0, 'render_id'])}; run the "
            "specialists' prediction again, on the same pages as the general one."
        )
    shares = means[group.columns].to_numpy()[rows]
    mass = touched[group.columns].to_numpy(np.float64).sum(axis=1, keepdims=True)
    return np.asarray(mass * shares / shares.sum(axis=1, keepdims=True))
