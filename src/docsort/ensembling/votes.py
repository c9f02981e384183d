"""One answer per page from the predictions of many members: models, folds and turns. How they add up: `combination`.

The out-of-fold pages and the test pages go through the same function, `cast_votes`, so that what validation measured
is what the submission does. Out of fold a page has one member per model; a test page has one per model and fold.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from docsort.ensembling.combination import COUNTED, TWO_LEVELS, answers_table, first_of
from docsort.ensembling.external_answers import ballots_of
from docsort.ensembling.parameters import VoteKind
from docsort.ensembling.stack import MemberStack, stack_members
from docsort.ensembling.weighing import Weighing, read_weighing, weights_of_pages
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
    1 being what an average ballot counts; temperatures: by model, that members are calibrated with before they vote,
    None for none; shift: by column, added to the logarithms of a geometric vote, None for none.
    """

    kind: VoteKind = "soft"
    weights: dict[str, Any] | None = None
    rules: tuple[RoutingRule, ...] = ()
    external: dict[str, float] = field(default_factory=dict)
    temperatures: dict[str, float] | None = None
    shift: dict[str, float] | None = None

    def weighing(self, stack: MemberStack) -> Weighing:
        """How much each of these members counts. Raises InputError where the weights are of other models."""
        return read_weighing(self.kind, self.weights, self.temperatures, self.shift, stack)


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
    weighing = plan.weighing(stack)
    stack, by_ballot = weighing.calibrated(stack), plan.kind in COUNTED
    if by_ballot:
        voters = stack.by_model() if plan.kind == "soft_hard" else stack
        stack = voters.with_table(_specialised(voters.table(), plan, specialist_members))
    counted = weighing.tally(stack)
    weights = weights_of_pages(counted, weighing.weights)
    means, winners = counted.count(weights, _extra_ballots(stack, plan, external))
    table = answers_table(stack, means)
    if not by_ballot:
        table = _specialised(table, plan, specialist_members)
        corrected = table[stack.columns].to_numpy(np.float64)
        winners = first_of(corrected, corrected, counted.predictions)
    return _votes(table, winners)


def fold_votes(members: pd.DataFrame, plans: VotePlan | Mapping[int, VotePlan]) -> pd.DataFrame:
    """A table of members of one model: what all models of a fold predict together, without specialists. plans: one for
    all, or one a fold."""
    parts = []
    for fold, own in members.groupby("fold"):
        stack = stack_members(own)
        weighing = (plans if isinstance(plans, VotePlan) else plans[int(str(fold))]).weighing(stack)
        counted = weighing.tally(weighing.calibrated(stack))
        means, _ = counted.count(weights_of_pages(counted, weighing.weights))
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
