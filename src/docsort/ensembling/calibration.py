"""From votes to calibrated votes, out of fold and on test pages, and what that was worth.

How the fits work, and why test pages want a temperature of their own, stands in `ensembling.temperature`.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.reliability import Floats, certain_truth, log_losses, probabilities_of, reliability_scores
from docsort.ensembling.temperature import (
    PLAIN,
    Calibration,
    calibrate_votes,
    fit_pooled_temperature,
    fit_temperature,
    fit_vector,
    with_probabilities,
)
from docsort.errors import InputError
from docsort.gates import CrossFit, cross_fit, loss_gain
from docsort.metrics import macro_f1
from docsort.seeding import derive_seed
from docsort.tables import JUDGED_CONDITION, judged

DRAWS = 1000
"""Bootstrap draws of source groups for what a scale and a shift per class are worth."""
CONFIDENCE = 0.95
VOTES_OF_FOLDS = "validation votes"


@dataclass(frozen=True)
class Calibrated:
    """oof_votes, test_votes: VOTES, calibrated; record: JSON-able, what was fitted and how well it did out of fold."""

    oof_votes: pd.DataFrame
    test_votes: pd.DataFrame
    record: dict[str, Any]


def calibrate(
    oof_votes: pd.DataFrame,
    test_votes: pd.DataFrame,
    fold_votes: pd.DataFrame,
    truth: Floats,
    parameters: EnsemblingParameters,
    seed: int,
) -> Calibrated:
    """Fits on test-like pages out of fold, and calibrates every page by what was fitted without it.

    oof_votes: VOTES and `fold`; test_votes: VOTES of all folds together, empty where there are no test images;
    fold_votes: VOTES and `fold`, what the models of each fold by themselves answer for the same images; truth (N, C):
    what the pages of `oof_votes` are believed to be, row by row.
    """
    seen, kind, gain = judged(oof_votes, VOTES_OF_FOLDS), parameters.calibration, None
    known = truth[(oof_votes["condition"] == JUDGED_CONDITION).to_numpy()]
    fits, after = _fit_folds(oof_votes, truth, kind)
    if kind == "vector":
        plain, tempered = _fit_folds(oof_votes, truth, "temperature")
        gain = vector_gain(judged(tempered, VOTES_OF_FOLDS), judged(after, VOTES_OF_FOLDS), seed)
        if not gain["accepted"]:
            kind, fits, after = "temperature", plain, tempered
    whole = fits.fitted
    test = whole if kind == "none" or test_votes.empty else fit_test(seen, known, test_votes, fold_votes, whole)
    record = {
        "method": kind,
        "out_of_fold": asdict(whole) | {"folds": [fit.temperature for fit in fits.by_fold.values()]},
        "test": asdict(test),
        "vector_gain": gain,
        "validation": {
            "before": reliability_scores(seen, seed, known),
            "after": reliability_scores(judged(after, VOTES_OF_FOLDS), seed, known),
        },
    }
    return Calibrated(after, calibrate_votes(test_votes, test) if len(test_votes) else test_votes, record)


def fit_test(
    seen: pd.DataFrame, truth: Floats, test_votes: pd.DataFrame, fold_votes: pd.DataFrame, whole: Calibration
) -> Calibration:
    """The calibration of the mean of all folds on test pages: `whole` with a temperature of its own.

    seen, truth: out-of-fold votes and what their pages are, from which it is known what one fold's models give to the
    truth. Members are calibrated first: of underconfident models the mean would have to be sharpened all the more for
    the same labels, and what is wrong in `given` with it; and what a member expects to give would not be true.
    """
    held_out, members = whole.apply(probabilities_of(seen)), whole.apply(_stack(fold_votes, test_votes))
    given = float((held_out * truth).sum(axis=1).mean())
    harder = float(np.square(members).sum(axis=2).mean() - np.square(held_out).sum(axis=1).mean())
    pooled = whole.reshape(probabilities_of(test_votes))
    return replace(whole, temperature=fit_pooled_temperature(pooled, members, given + harder))


def vector_gain(temperature: pd.DataFrame, vector: pd.DataFrame, seed: int) -> dict[str, Any]:
    """`nll`, how much less the NLL of vector scaling is, with its interval `low`, `high` by bootstrap over source
    groups, `macro_f1`, what it does to that, and whether it is `accepted`: the whole interval above zero and macro-F1
    no lower. Both tables: test-like VOTES of the same pages in the same order, calibrated by the other folds.
    """
    before, after = (log_losses(probabilities_of(votes), certain_truth(votes)) for votes in (temperature, vector))
    gain = loss_gain(before, after, vector["group"], DRAWS, derive_seed(seed, "vector gain"), CONFIDENCE)
    scores = [macro_f1(votes["label"].astype(int), votes["predicted"]) for votes in (temperature, vector)]
    return {
        "nll": gain.delta,
        "low": gain.low,
        "high": gain.high,
        "macro_f1": scores[1] - scores[0],
        "accepted": gain.accepted and scores[1] >= scores[0],
    }


def _fit_folds(votes: pd.DataFrame, truth: Floats, kind: str) -> tuple[CrossFit[Calibration, np.float64], pd.DataFrame]:
    """What is fitted on test-like pages, and every page calibrated by what was fitted without its fold; rows stay where
    they are."""
    before = probabilities_of(votes)
    seen = (votes["condition"] == JUDGED_CONDITION).to_numpy()
    found = cross_fit(
        votes["fold"],
        lambda rows: _fit(before[rows & seen], truth[rows & seen], kind),
        lambda fit, rows: fit.apply(before[rows]),
    )
    return found, with_probabilities(votes, found.nested, may_move=kind == "vector")


def _fit(probabilities: Floats, truth: Floats, kind: str) -> Calibration:
    if kind == "none":
        return PLAIN
    return fit_vector(probabilities, truth) if kind == "vector" else Calibration(fit_temperature(probabilities, truth))


def _stack(fold_votes: pd.DataFrame, test_votes: pd.DataFrame) -> Floats:
    """(M, N, C), a member per fold, images in the order of `test_votes`."""
    parts = [own.set_index("image_id") for _, own in fold_votes.groupby("fold")]
    if any(set(part.index) != set(test_votes["image_id"]) for part in parts):
        raise InputError(
            "Expected the models of every fold to have answered the same test images as all together, but they differ; "
            "run the prediction of every fold again."
        )
    return np.stack([probabilities_of(part.loc[test_votes["image_id"]].reset_index()) for part in parts])
