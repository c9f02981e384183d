"""One answer a page from the predictions of many members: models, folds and turns.

The out-of-fold pages and the test pages go through the same function, `cast_votes`, so that what validation measured
is what the submission does. Out of fold a page has one member a model; a test page has one a model and fold.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from docsort.ensembling.parameters import EnsemblingParameters
from docsort.errors import InputError, LeakError, listing
from docsort.metrics import PAGE_KEYS, mean_over_members, mean_over_turns
from docsort.specialists.routing import RoutingRule, apply_specialists, top_targets
from docsort.specialists.verdict import accepted_groups, accepted_rules
from docsort.tables import probability_columns, targets_of

VOTES = (*PAGE_KEYS, "predicted", "confidence")
"""One row a render (out of fold) or test image, then the mean p_<target> (float64, ascending, summing to 1).
predicted: the class number voted for; confidence: its mean probability, in [0, 1]."""


def cast_votes(
    predictions: pd.DataFrame,
    specialist_predictions: pd.DataFrame,
    verdicts: pd.DataFrame,
    parameters: EnsemblingParameters,
) -> pd.DataFrame:
    """The whole way from prediction tables to VOTES: views averaged, accepted specialists heard, votes counted.

    A test page's render_id may be anything unique, the image id for example. No predictions, where the data has no
    test images, are no votes; `build_submission` is what insists on one a test image.
    """
    if predictions.empty:
        return pd.DataFrame(columns=[*VOTES, *probability_columns(predictions)])
    members = mean_over_turns(predictions, parameters.turns)
    rules = accepted_rules(verdicts)
    specialist_members = mean_over_turns(specialist_predictions, parameters.turns) if rules else None
    vote = soft_vote if parameters.vote == "soft" else hard_vote
    return vote(members, specialist_members, rules)


def soft_vote(
    members: pd.DataFrame,
    specialist_members: pd.DataFrame | None = None,
    rules: Sequence[RoutingRule] = (),
) -> pd.DataFrame:
    """VOTES for the largest mean probability, every (model, fold) weighing the same; specialists speak on the mean.

    members, specialist_members: from `metrics.mean_over_turns`.
    """
    means = mean_over_members(members)
    if specialist_members is not None:
        means = apply_specialists(means, specialist_members, rules)
    return _votes(means, top_targets(means))


def hard_vote(
    members: pd.DataFrame,
    specialist_members: pd.DataFrame | None = None,
    rules: Sequence[RoutingRule] = (),
) -> pd.DataFrame:
    """VOTES for the class that most members guess first; ties go to the larger mean probability, not to the smaller
    class number, as they do by accident of the usual libraries. Specialists speak on each member's opinion.
    """
    if specialist_members is not None:
        members = apply_specialists(members, specialist_members, rules)
    means = mean_over_members(members)
    columns = probability_columns(means)
    targets = np.asarray(targets_of(columns))
    pages = pd.MultiIndex.from_frame(means[["view", "render_id"]])
    rows = pages.get_indexer(pd.MultiIndex.from_frame(members[["view", "render_id"]]))
    ballots = np.zeros((len(means), len(columns)))
    np.add.at(ballots, (rows, np.searchsorted(targets, top_targets(members))), 1)
    # Ballots are whole numbers and a mean probability is at most 1, so half of it only ever breaks a tie.
    winners = (ballots + means[columns].to_numpy() / 2).argmax(axis=1)
    return _votes(means, targets[winners])


def vote_out_of_fold(
    oof_predictions: pd.DataFrame,
    specialist_oof_predictions: pd.DataFrame,
    verdicts: pd.DataFrame,
    folds: pd.DataFrame,
    parameters: EnsemblingParameters,
) -> pd.DataFrame:
    """VOTES of the validation pages, with the column `fold` that held each page out.

    Raises LeakError where a prediction comes from another fold's model, InputError where a source or a class has none.
    """
    check_out_of_fold(oof_predictions, folds)
    if accepted_groups(verdicts):
        check_out_of_fold(specialist_oof_predictions, folds, complete=False)
    votes = cast_votes(oof_predictions, specialist_oof_predictions, verdicts, parameters)
    held_out = dict(zip(folds["image_id"].astype(str), folds["fold"].astype(int), strict=True))
    votes.insert(len(VOTES), "fold", votes["image_id"].astype(str).map(held_out))
    return votes


def check_out_of_fold(predictions: pd.DataFrame, folds: pd.DataFrame, complete: bool = True) -> None:
    """Every prediction must come from the fold that held its source out, and, if `complete`, every source have one."""
    held_out = dict(zip(folds["image_id"].astype(str), folds["fold"].astype(int), strict=True))
    pages = predictions[["image_id", "fold"]].drop_duplicates()
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


def _votes(means: pd.DataFrame, predicted: np.ndarray) -> pd.DataFrame:
    columns = probability_columns(means)
    position = np.searchsorted(targets_of(columns), predicted)
    confidence = means[columns].to_numpy()[np.arange(len(means)), position]
    keys = means[list(PAGE_KEYS)].assign(predicted=predicted, confidence=confidence)
    return pd.concat([keys, means[columns]], axis=1)
