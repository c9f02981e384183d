"""From votes to votes whose confidence keeps its word, out of fold and on test pages, and what that was worth.

How the fits work, and why test pages want a temperature of their own, stands in `ensembling.temperature`.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.reliability import Floats, log_losses, probabilities_of, reliability_scores, truth_of
from docsort.ensembling.temperature import (
    Calibration,
    calibrate_votes,
    fit_pooled_temperature,
    fit_temperature,
    fit_vector,
)
from docsort.errors import InputError
from docsort.metrics import macro_f1
from docsort.seeding import derive_rng

JUDGED_VIEW = "test_like"
DRAWS = 1000
"""Bootstrap draws of source groups for what a scale and a shift a class are worth."""
CONFIDENCE = 0.95
PLAIN = Calibration(1.0)


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
    parameters: EnsemblingParameters,
    seed: int,
) -> Calibrated:
    """Fits on test-like pages out of fold, and calibrates every page by what was fitted without it.

    oof_votes: VOTES and `fold`; test_votes: VOTES of all folds together, empty where there are no test images;
    fold_votes: VOTES and `fold`, what the models of each fold by themselves say of the same images.
    """
    seen = _judged(oof_votes)
    kind, gain = parameters.calibration, None
    nested = {name: _fit_folds(seen, name) for name in _kinds(kind)}
    if kind == "vector":
        gain = vector_gain(_apply_folds(seen, nested["temperature"]), _apply_folds(seen, nested["vector"]), seed)
        kind = "vector" if gain["accepted"] else "temperature"
    after, whole = _apply_folds(oof_votes, nested[kind]), _fit(seen, kind)
    test = whole if kind == "none" or test_votes.empty else fit_test(seen, test_votes, fold_votes, whole)
    record = {
        "method": kind,
        "out_of_fold": asdict(whole) | {"folds": [fit.temperature for fit in nested[kind].values()]},
        "test": asdict(test),
        "vector_gain": gain,
        "validation": {
            "before": reliability_scores(seen, seed),
            "after": reliability_scores(_judged(after), seed),
        },
    }
    return Calibrated(after, calibrate_votes(test_votes, test) if len(test_votes) else test_votes, record)


def fit_test(seen: pd.DataFrame, test_votes: pd.DataFrame, fold_votes: pd.DataFrame, whole: Calibration) -> Calibration:
    """The calibration of the mean of all folds on test pages: `whole` with a temperature of its own.

    seen: out-of-fold votes with labels, from which it is known what one fold's models give to these. Members are
    calibrated first: of models that say too little the mean would have to be sharpened all the more for the same
    labels, and what is wrong in `given` with it.
    """
    given = whole.apply(probabilities_of(seen))[np.arange(len(seen)), truth_of(seen)]
    members = whole.apply(_stack(fold_votes, test_votes))
    pooled = whole.reshape(probabilities_of(test_votes))
    return replace(whole, temperature=fit_pooled_temperature(pooled, members, float(given.mean())))


def vector_gain(temperature: pd.DataFrame, vector: pd.DataFrame, seed: int) -> dict[str, Any]:
    """`nll`, how much less the NLL of vector scaling is, with its interval `low`, `high` by bootstrap over source
    groups, `macro_f1`, what it does to that, and whether it is `accepted`: the whole interval above zero and macro-F1
    no lower. Both tables: test-like VOTES of the same pages in the same order, calibrated by the other folds.
    """
    losses = [log_losses(probabilities_of(votes), truth_of(votes)) for votes in (temperature, vector)]
    codes = np.unique(vector["group"].astype(str), return_inverse=True)[1]
    gains, pages = np.bincount(codes, losses[0] - losses[1]), np.bincount(codes)
    rng = derive_rng(seed, "vector gain")
    weights = rng.multinomial(len(pages), np.full(len(pages), 1 / len(pages)), size=DRAWS)
    low, high = np.quantile(weights @ gains / (weights @ pages), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    scores = [macro_f1(votes["label"].astype(int), votes["predicted"]) for votes in (temperature, vector)]
    return {
        "nll": float(gains.sum() / pages.sum()),
        "low": float(low),
        "high": float(high),
        "macro_f1": scores[1] - scores[0],
        "accepted": bool(low > 0 and scores[1] >= scores[0]),
    }


def _kinds(kind: str) -> tuple[str, ...]:
    return ("temperature", "vector") if kind == "vector" else (kind,)


def _fit(seen: pd.DataFrame, kind: str) -> Calibration:
    if kind == "none":
        return PLAIN
    probabilities, truth = probabilities_of(seen), truth_of(seen)
    return (
        Calibration(fit_temperature(probabilities, truth))
        if kind == "temperature"
        else fit_vector(probabilities, truth)
    )


def _fit_folds(seen: pd.DataFrame, kind: str) -> dict[int, Calibration]:
    """For each fold what was fitted on the pages of all others."""
    folds = sorted({int(fold) for fold in seen["fold"]})
    if len(folds) < 2:
        raise InputError(f"Expected validation votes of two folds or more to calibrate by, but got {len(folds)}.")
    return {fold: _fit(seen[seen["fold"] != fold], kind) for fold in folds}


def _apply_folds(votes: pd.DataFrame, fits: dict[int, Calibration]) -> pd.DataFrame:
    """Every page calibrated by what was fitted without its fold; rows stay where they are."""
    parts = [calibrate_votes(votes[votes["fold"] == fold], fit) for fold, fit in fits.items()]
    return pd.concat(parts).loc[votes.index]


def _judged(votes: pd.DataFrame) -> pd.DataFrame:
    seen = votes[votes["view"] == JUDGED_VIEW]
    if seen.empty:
        raise InputError(f"Expected validation votes of the view {JUDGED_VIEW}, but there are none; train first.")
    return seen


def _stack(fold_votes: pd.DataFrame, test_votes: pd.DataFrame) -> Floats:
    """(M, N, C), a member a fold, images in the order of `test_votes`."""
    parts = [own.set_index("image_id") for _, own in fold_votes.groupby("fold")]
    if any(set(part.index) != set(test_votes["image_id"]) for part in parts):
        raise InputError(
            "Expected the models of every fold to have answered the same test images as all together, but they differ; "
            "run the prediction of every fold again."
        )
    return np.stack([probabilities_of(part.loc[test_votes["image_id"]].reset_index()) for part in parts])
