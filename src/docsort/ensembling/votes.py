"""One answer a page from the predictions of many members: models, folds and turns. How they add up: `combination`.

The out-of-fold pages and the test pages go through the same function, `cast_votes`, so that what validation measured
is what the submission does. Out of fold a page has one member a model; a test page has one a model and fold.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from docsort.ensembling.combination import COUNTED, TWO_LEVELS, answers_table, first_of, tally
from docsort.ensembling.members import MemberStack, stack_members
from docsort.ensembling.old_submissions import ballots_of
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.selection import model_weights
from docsort.errors import InputError, LeakError, listing
from docsort.metrics import MEMBER_KEYS, PAGE_KEYS
from docsort.specialists.routing import apply_specialists
from docsort.specialists.verdict import accepted_groups, accepted_rules
from docsort.tables import probability_columns, targets_of

VOTES = (*PAGE_KEYS, "predicted", "confidence")
"""One row a render (out of fold) or test image, then the mean p_<target> (float64, ascending, summing to 1).
predicted: the class number voted for; confidence: its mean probability, in [0, 1]."""


def cast_votes(
    members: pd.DataFrame,
    specialist_members: pd.DataFrame,
    verdicts: pd.DataFrame,
    parameters: EnsemblingParameters,
    selection: Mapping[str, Any] | None = None,
    old_answers: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """VOTES of tables of members (`views.members_of`), of test pages or of validation pages.

    selection: the record of `selection.select_ensemble`, equal weights without; old_answers: OLD_ANSWERS, heard on test
    pages in a hard vote. A test page's render_id may be anything unique, the image id for example. No members, where
    the data has no test images, are no votes; `build_submission` is what insists on one a test image.

    Where probabilities are averaged, specialists speak on the mean; where ballots are counted, on each opinion that
    casts one. Raises InputError naming members that are empty or broken.
    """
    if members.empty:
        return pd.DataFrame(columns=[*VOTES, *probability_columns(members)])
    kind, stack = parameters.vote, stack_members(members)
    by_ballot = kind in COUNTED
    if by_ballot:
        opinions = stack.by_model() if kind == "soft_hard" else stack
        stack = opinions.with_table(_hear(opinions.table(), specialist_members, verdicts))
    counted = tally(stack, kind)
    weights = model_weights(stack, counted, parameters, selection)
    means, winners = counted.count(weights, _extra_ballots(stack, parameters, old_answers))
    table = answers_table(stack, means)
    if not by_ballot:
        table = _hear(table, specialist_members, verdicts)
        heard = table[stack.columns].to_numpy(np.float64)
        winners = first_of(heard, heard, counted.pages)
    return _votes(table, winners)


def _hear(table: pd.DataFrame, specialist_members: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame:
    """The table after the specialists that earned it have spoken."""
    rules = accepted_rules(verdicts)
    return apply_specialists(table, specialist_members, rules) if rules else table


def _extra_ballots(
    stack: MemberStack, parameters: EnsemblingParameters, old_answers: pd.DataFrame | None
) -> np.ndarray | None:
    """Old submissions' ballots for test pages: each counts as much as an average ballot, or in proportion to its weight
    among the models' where the parameters give weights."""
    if old_answers is None or stack.held_out is not None:
        return None
    given = parameters.weights if isinstance(parameters.weights, dict) else {}
    average = sum(given.get(name, 0.0) for name in stack.names) / len(stack.names) if given else 1.0
    count = len(stack.names) if parameters.vote in TWO_LEVELS else len(stack.owners)
    weights = {name: given[name] / average for name in parameters.submissions if name in given}
    return ballots_of(old_answers, stack.pages, stack.columns, weights, 1 / count)


def fold_votes(
    members: pd.DataFrame, parameters: EnsemblingParameters, selection: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """A table of members of one model: what all models of a fold say together, weighed as in the vote."""
    parts = []
    for fold, own in members.groupby("fold"):
        stack = stack_members(own)
        counted = tally(stack, parameters.vote)
        means, _ = counted.count(model_weights(stack, counted, parameters, selection))
        parts.append(answers_table(stack, means).assign(model="vote", fold=fold))
    return pd.concat(parts, ignore_index=True)[[*MEMBER_KEYS, *probability_columns(members)]]


def vote_out_of_fold(
    oof_members: pd.DataFrame,
    specialist_oof_members: pd.DataFrame,
    verdicts: pd.DataFrame,
    folds: pd.DataFrame,
    parameters: EnsemblingParameters,
    selection: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """VOTES of the validation pages, with the column `fold` that held each page out; fitted weights are those chosen on
    the other folds.

    Raises LeakError where a prediction comes from another fold's model, InputError where a source or a class has none.
    """
    check_out_of_fold(oof_members, folds)
    if accepted_groups(verdicts):
        check_out_of_fold(specialist_oof_members, folds, complete=False)
    votes = cast_votes(oof_members, specialist_oof_members, verdicts, parameters, selection)
    held_out = dict(zip(folds["image_id"].astype(str), folds["fold"].astype(int), strict=True))
    votes.insert(len(VOTES), "fold", votes["image_id"].astype(str).map(held_out))
    return votes


def check_out_of_fold(members: pd.DataFrame, folds: pd.DataFrame, complete: bool = True) -> None:
    """Every prediction must come from the fold that held its source out, and, if `complete`, every source have one."""
    held_out = dict(zip(folds["image_id"].astype(str), folds["fold"].astype(int), strict=True))
    pages = members[["image_id", "fold"]].drop_duplicates()
    expected = pages["image_id"].astype(str).map(held_out)
    leaks = pages.loc[expected != pages["fold"], "image_id"]
    if len(leaks):
        raise LeakError(
            f"Expected every validation page to be predicted by the model that held it out, but {len(leaks)} are "
            f"not: {listing(leaks)}; these predictions belong to other folds: run the training pipeline again."
        )
    missing = set(held_out) - set(pages["image_id"].astype(str)) if complete else set()
    if missing:
        raise InputError(
            f"Expected out-of-fold predictions of every source in `folds`, but {len(missing)} have none: "
            f"{listing(sorted(missing))}; run the training pipeline again."
        )


def _votes(table: pd.DataFrame, winners: np.ndarray) -> pd.DataFrame:
    """VOTES of a table of pages whose answers are the columns `winners` (P,)."""
    columns = probability_columns(table)
    confidence = table[columns].to_numpy()[np.arange(len(table)), winners]
    predicted = np.asarray(targets_of(columns))[winners]
    keys = table[list(PAGE_KEYS)].assign(predicted=predicted, confidence=confidence)
    return pd.concat([keys, table[columns]], axis=1)
