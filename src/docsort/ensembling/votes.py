"""One answer per page from the predictions of many members: models, folds and turns. How they add up: `combination`.

The out-of-fold pages and the test pages go through the same function, `cast_votes`, so that what validation measured
is what the submission does. Out of fold a page has one member per model; a test page has one per model and fold.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from docsort.ensembling.combination import COUNTED, TWO_LEVELS, Tally, answers_table, first_of, tally
from docsort.ensembling.external_answers import ballots_of
from docsort.ensembling.parameters import VoteKind
from docsort.ensembling.selection import Floats, equal_weights, read_weights, weights_of_pages
from docsort.ensembling.stack import MemberStack, stack_members
from docsort.errors import InputError, listing
from docsort.metrics import MEMBER_KEYS, PAGE_KEYS
from docsort.specialists.routing import RoutingRule, apply_specialists
from docsort.tables import probability_columns, targets_of

VOTES = (*PAGE_KEYS, "predicted", "confidence")
"""One row per render (out of fold) or test image, then the mean p_<target> (float64, ascending, summing to 1).
predicted: the class number voted for; confidence: its mean probability, in [0, 1]."""


@dataclass(frozen=True)
class VotePlan:
    """How members' probabilities become one answer. weights: None for equal ones, by model, or routes: by the column of
    a page's first guess and model; rules: of the specialists that were accepted; external: weights of external answers,
    1 being what an average ballot counts.
    """

    kind: VoteKind = "soft"
    weights: dict[str, Any] | None = None
    rules: tuple[RoutingRule, ...] = ()
    external: dict[str, float] = field(default_factory=dict)

    def weights_for(self, stack: MemberStack, votes: Tally) -> Floats:
        """The weights (M,) or (P, M) that count for these pages, summing to one. Raises InputError for other models."""
        if self.weights is None:
            return equal_weights(len(stack.names))
        known = next(iter(self.weights.values())) if self.is_routed else self.weights
        if set(known) != set(stack.names):
            raise InputError(
                f"Expected weights for the models {listing(stack.names)}, but they were chosen for "
                f"{listing(sorted(known))}; run the ensembling pipeline again."
            )
        return weights_of_pages(votes, read_weights(self.weights, stack))

    @property
    def is_routed(self) -> bool:
        """Whether each class has weights of its own."""
        return self.weights is not None and all(isinstance(own, Mapping) for own in self.weights.values())


def cast_votes(
    members: pd.DataFrame,
    plan: VotePlan,
    specialist_members: pd.DataFrame | None = None,
    external: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """VOTES of tables of members (`views.members_of`), of test pages or of validation pages.

    external: EXTERNAL_ANSWERS, counted on test pages in a hard vote. A test page's render_id may be anything unique,
    the image id for example. No members, where the data has no test images, are no votes; `build_submission` is what
    insists on one per test image.

    Where probabilities are averaged, specialists correct the mean; where ballots are counted, each that
    casts one. Raises InputError naming members that are empty or broken.
    """
    if members.empty:
        return pd.DataFrame(columns=[*VOTES, *probability_columns(members)])
    stack = stack_members(members)
    by_ballot = plan.kind in COUNTED
    if by_ballot:
        voters = stack.by_model() if plan.kind == "soft_hard" else stack
        stack = voters.with_table(_specialised(voters.table(), plan, specialist_members))
    counted = tally(stack, plan.kind)
    means, winners = counted.count(plan.weights_for(stack, counted), _extra_ballots(stack, plan, external))
    table = answers_table(stack, means)
    if not by_ballot:
        table = _specialised(table, plan, specialist_members)
        corrected = table[stack.columns].to_numpy(np.float64)
        winners = first_of(corrected, corrected, counted.predictions)
    return _votes(table, winners)


def fold_votes(members: pd.DataFrame, plan: VotePlan) -> pd.DataFrame:
    """A table of members of one model: what all models of a fold predict together, without specialists."""
    parts = []
    for fold, own in members.groupby("fold"):
        stack = stack_members(own)
        counted = tally(stack, plan.kind)
        means, _ = counted.count(plan.weights_for(stack, counted))
        parts.append(answers_table(stack, means).assign(model="vote", fold=fold))
    return pd.concat(parts, ignore_index=True)[[*MEMBER_KEYS, *probability_columns(members)]]


def _specialised(table: pd.DataFrame, plan: VotePlan, specialist_members: pd.DataFrame | None) -> pd.DataFrame:
    """The table after the specialists that were accepted have corrected it."""
    if not plan.rules or specialist_members is None:
        return table
    return apply_specialists(table, specialist_members, plan.rules)


def _extra_ballots(stack: MemberStack, plan: VotePlan, external: pd.DataFrame | None) -> np.ndarray | None:
    """Ballots of external answers for test pages: each counts as much as an average ballot, times its weight."""
    if external is None or stack.held_out is not None:
        return None
    count = len(stack.names) if plan.kind in TWO_LEVELS else len(stack.owners)
    return ballots_of(external, stack.pages, stack.columns, plan.external, 1 / count)


def _votes(table: pd.DataFrame, winners: np.ndarray) -> pd.DataFrame:
    """VOTES of a table of pages whose answers are the columns `winners` (P,)."""
    columns = probability_columns(table)
    confidence = table[columns].to_numpy()[np.arange(len(table)), winners]
    predicted = np.asarray(targets_of(columns))[winners]
    keys = table[list(PAGE_KEYS)].assign(predicted=predicted, confidence=confidence)
    return pd.concat([keys, table[columns]], axis=1)
