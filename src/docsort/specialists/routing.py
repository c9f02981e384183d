"""Asking a specialist: where it is asked (the trigger), and what its answer may move (the routing).

Soft routing keeps the probability that the general model gave the group as a whole; the specialist only shares that
mass out within it. So it cannot pull pages out of other classes, and a page that the general model nearly gave to
another class may still go there. Hard routing replaces the whole answer: what the trigger catches is in the group. A
mix is for a member of all classes that is asked late (`specialists.late`): its answer is averaged with the one that is
there, specialists heard, on pages that it was asked about.

The trigger reads the general model's own answer, before any specialist: the order of groups is of no account.

Legend of shapes: N pages, C classes, k classes of the group.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.errors import InputError, listing
from docsort.metrics import mean_over_members
from docsort.specialists.groups import SpecialistGroup, members_of_group
from docsort.specialists.parameters import Routing, Trigger
from docsort.tables import probability_columns, targets_of, values_of

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RoutingRule:
    """Where a group's specialist is asked and what its answer may move.

    trigger: `top1`, the first guess is in the group; `mass`, the group's probability is at least `threshold`; `margin`,
    the first guess is in the group and, of the group's own mass, the first class leads the second by at most
    `threshold`; `entropy`, the first guess is in the group and the group's shares have at least `threshold` of the
    highest entropy that they can have. threshold: in [0, 1]; 0 for `top1`, which has none. weight: of its answer in a
    mix, in [0, 1]; 1 otherwise.
    """

    group: SpecialistGroup
    routing: Routing | Literal["mix"]
    trigger: Trigger
    threshold: float = 0.0
    weight: float = 1.0


def top_targets(table: pd.DataFrame) -> NDArray[np.int64]:
    """The class number of each row's largest probability; equal ones go to the smallest number."""
    columns = probability_columns(table)
    best = table[columns].to_numpy().argmax(axis=1)
    return np.asarray(np.asarray(targets_of(columns), dtype=np.int64)[best])


def is_first_guess(table: pd.DataFrame, group: SpecialistGroup) -> NDArray[np.bool_]:
    """Which rows have their largest probability in the group."""
    return np.isin(top_targets(table), group.targets)


def is_touched(table: pd.DataFrame, rule: RoutingRule) -> NDArray[np.bool_]:
    """Which rows the rule's specialist is asked about, no other specialist being there."""
    values = values_of(table, rule.group.columns)
    if rule.trigger == "mass":
        return np.asarray(values.sum(axis=1) >= rule.threshold)
    first = is_first_guess(table, rule.group)
    if rule.trigger == "margin":
        return np.asarray(first & (margins(values) <= rule.threshold))
    if rule.trigger == "entropy":
        return np.asarray(first & (entropies(values) >= rule.threshold))
    return first


def margins(values: Floats) -> Floats:
    """(N,) by how much the first class of the group leads the second, as a share of the group's mass, in [0, 1]."""
    ordered = np.sort(_shares(values), axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2])


def entropies(values: Floats) -> Floats:
    """(N,) entropy of the group's shares (N, k) over the highest that it can be, in [0, 1]."""
    shares = _shares(values)
    entropy = -(shares * np.log(np.clip(shares, 1e-12, 1))).sum(axis=1) / np.log(shares.shape[1])
    return np.asarray(entropy.clip(0, 1))  # rounding puts that of equal shares a bit above 1


def apply_specialists(
    table: pd.DataFrame, specialist_members: pd.DataFrame, rules: Sequence[RoutingRule]
) -> pd.DataFrame:
    """A copy of the table after every rule's specialist; rows sum to what they summed to.

    table: means or members of the general models (`metrics.mean_over_members`, `views.members_of`); specialist_members:
    members of all specialists, averaged here as the general model is. A page that several rules catch is answered by
    the specialist of the group that has most of its mass; mixes come after, in the order of their names. Raises
    InputError naming a specialist that has not seen a page it is asked about.
    """
    corrected = table.copy()
    mixes = sorted((rule for rule in rules if rule.routing == "mix"), key=lambda rule: rule.group.name)
    ordered = sorted((rule for rule in rules if rule.routing != "mix"), key=lambda rule: rule.group.targets)
    deciding = _deciding(table, ordered)
    for position, rule in enumerate(ordered):
        means = mean_over_members(members_of_group(specialist_members, rule.group))
        rows = deciding == position
        asked = table[rows]
        shares = shares_of(asked, means, rule.group)
        mass = values_of(asked, probability_columns(table) if rule.routing == "hard" else rule.group.columns)
        if rule.routing == "hard":
            corrected.loc[rows, probability_columns(table)] = 0.0
        corrected.loc[rows, rule.group.columns] = shares * mass.sum(axis=1, keepdims=True)
    for rule in mixes:
        corrected = _mixed(corrected, is_touched(table, rule), specialist_members, rule)
    return corrected


def _mixed(
    table: pd.DataFrame, touched: NDArray[np.bool_], specialist_members: pd.DataFrame, rule: RoutingRule
) -> pd.DataFrame:
    """The table with the answers of a late member mixed into the rows touched, as far as it was asked about them."""
    own, columns = specialist_members[specialist_members["model"] == rule.group.name], probability_columns(table)
    asked = pd.MultiIndex.from_frame(table[["condition", "render_id"]]).isin(
        pd.MultiIndex.from_frame(own[["condition", "render_id"]])
    )
    rows = touched & asked
    if not rows.any():
        return table
    there = values_of(table[rows], columns)
    means = mean_over_members(members_of_group(specialist_members, rule.group))
    given = shares_of(table[rows], means, rule.group) * there.sum(axis=1, keepdims=True)
    mixed = table.copy()
    mixed.loc[rows, columns] = (1 - rule.weight) * there
    mixed.loc[rows, rule.group.columns] += rule.weight * given
    return mixed


def shares_of(asked: pd.DataFrame, means: pd.DataFrame, group: SpecialistGroup) -> Floats:
    """(N, k) what the specialist predicts of each row of `asked`, rows summing to 1; means: its own, a row per page."""
    index = pd.MultiIndex.from_frame(means[["condition", "render_id"]])
    rows = index.get_indexer(pd.MultiIndex.from_frame(asked[["condition", "render_id"]]))
    if (rows < 0).any():
        raise InputError(
            f"Expected specialist {group.name} to have predicted every page that it is asked about, but "
            f"{(rows < 0).sum()} are missing: {listing(asked.loc[rows < 0, 'render_id'])}; run the specialists' "
            "prediction again, on the same pages as the general one."
        )
    return _shares(values_of(means, group.columns)[rows])


def _deciding(table: pd.DataFrame, rules: Sequence[RoutingRule]) -> NDArray[np.int64]:
    """(N,) position of the rule whose specialist answers each row, -1 where none is asked."""
    claims = np.full((len(table), len(rules) + 1), -1.0)
    claims[:, -1] = -0.5
    for position, rule in enumerate(rules):
        mass = values_of(table, rule.group.columns).sum(axis=1)
        claims[:, position] = np.where(is_touched(table, rule), mass, -1.0)
    best = claims.argmax(axis=1)
    return np.asarray(np.where(best == len(rules), -1, best), dtype=np.int64)


def _shares(values: Floats) -> Floats:
    """(N, k) rows divided by their sums; equal shares where a row is zero."""
    sums = values.sum(axis=1, keepdims=True)
    equal = np.full_like(values, 1 / values.shape[1])
    return np.asarray(np.divide(values, sums, out=equal, where=sums > 0))
