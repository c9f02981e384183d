"""Late members: whole members that are too dear to ask about every page.

A member with `ask_share` below 1 is asked about the pages of which the others are least sure, when they have answered.
Whether a page is asked depends on that page alone: on the lead that its first class has over the second in the vote of
the others, which must be at most a threshold. Its answer is mixed into the vote, and it joins behind the same gate as a
specialist does: weight and threshold are chosen on the other folds, and the whole interval of the gain must lie above
zero.

To look again, in another way, where a cheap model is unsure is a cascade (Viola & Jones, "Robust real-time face
detection", International Journal of Computer Vision 2004; with classifiers that are sure or not: Trapeznikov &
Saligrama, "Supervised sequential classification under budget constraints", AISTATS 2013).

Legend of shapes: N pages.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.errors import InputError, listing
from docsort.member_kinds import Members
from docsort.specialists.groups import SpecialistGroup
from docsort.specialists.routing import RoutingRule, margins
from docsort.tables import JUDGED_CONDITION, probability_columns, values_of

SHARES = (0.1, 0.2, 0.3, 0.6, 1.0)
"""Shares of the pages that are tried, the least sure first, as far as the member may be asked; the cheapest first, so
that of equally good ones it is taken."""

WEIGHTS = (0.2, 0.35, 0.5)
"""Weights of its answer that are tried."""


def late_groups(members: Members, targets: Sequence[int]) -> list[SpecialistGroup]:
    """The late members, each as a group of all classes."""
    return [SpecialistGroup(name, tuple(sorted(targets))) for name in members.late]


def shares_of_members(members: Members) -> dict[str, float]:
    """Share of the pages that each late member may be asked about."""
    return {name: own.ask_share for name, own in members.late.items()}


def leads(votes: pd.DataFrame) -> NDArray[np.float64]:
    """(N,) by how much the first class leads the second, in [0, 1]."""
    return margins(values_of(votes, probability_columns(votes)))


def largest_lead(votes: pd.DataFrame, share: float) -> float:
    """Lead that this share of the test-like pages has at most. votes: of the other members, out of fold; no label is
    read."""
    return float(np.quantile(leads(votes[votes["condition"] == JUDGED_CONDITION]), share))


def pages_to_ask(pages: pd.DataFrame, votes: pd.DataFrame, share: float) -> pd.DataFrame:
    """Those of `pages` (condition, render_id, ...) that a late member is asked about out of fold: of both conditions
    all that are no surer than that share of the test-like ones."""
    unsure = votes[leads(votes) <= largest_lead(votes, share)]
    keys = ["condition", "render_id"]
    wanted = pd.MultiIndex.from_frame(pages[keys]).isin(pd.MultiIndex.from_frame(unsure[keys]))
    return pages[wanted].reset_index(drop=True)


def late_rules(votes: pd.DataFrame, group: SpecialistGroup, share: float) -> list[RoutingRule]:
    """The ways to ask a late member that are tried, the cheapest first. votes: see `largest_lead`."""
    tried = sorted({share, *(each for each in SHARES if each < share)})
    thresholds = sorted({largest_lead(votes, each) for each in tried})
    return [RoutingRule(group, "mix", "margin", bound, weight) for bound in thresholds for weight in WEIGHTS]


def check_late(members: Members, groups: Iterable[str], averages: bool) -> None:
    """Raises InputError for late members in a vote that counts ballots, and for one that is called as a group is.
    averages: whether the vote is a mean."""
    late = list(members.late)
    if late and not averages:
        raise InputError(
            f"Expected `ensembling.vote` to average probabilities where a member has an `ask_share` below 1, as "
            f"{listing(late)}, but it counts ballots; set the vote to soft or geometric, or ask_share to 1."
        )
    taken = sorted({*late} & {*groups})
    if taken:
        raise InputError(
            f"Expected late members to have other names than the groups of specialists, but {listing(taken)} is both; "
            "rename one."
        )
