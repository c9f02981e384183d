"""What averaging the folds' models is worth on the test images, measured without a label.

Out of fold a page is answered by one model, on test images by the mean of all: the out-of-fold score promises too
little. How much less the mean errs than its members is known exactly for the Brier score: by the spread of the members
around it (the ambiguity decomposition of Krogh & Vedelsby, "Neural network ensembles, cross validation, and active
learning", NIPS 1994). So the Brier score of the mean is the members', measured out of fold on test-like pages, less
their spread, measured on the test images.

Members are calibrated first, by the one temperature under which they are calibrated out of fold: the mean of a sure
and of a vague model is underconfident, and so would its spread be.

What that means for macro-F1 is read from a distribution over the unknown labels: the mean's probabilities, sharpened or
flattened by one temperature, so chosen that under it the mean has just that Brier score. The gain is the expected score
of the mean less that of the members' answers put together, so that what the distribution gets wrong for both falls out.
Put together, because so they are out of fold, each fifth of the pages answered by another member: what one of them
overlooks another finds, and their macro-F1 is better than its mean over the members.

Legend of shapes: M members, N test images, C classes.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.ensembling.reliability import brier_scores, temper
from docsort.ensembling.temperature import fit_temperature
from docsort.ensembling.votes import VotePlan, fold_votes
from docsort.errors import InputError
from docsort.metrics import mean_over_members
from docsort.tables import probability_columns, targets_of

TEMPERATURES = np.geomspace(0.05, 8.0, 400)
"""Searched for the one that fits; below 1 sharpens."""

Floats = NDArray[np.float64]


def ensemble_gain(
    test_members: pd.DataFrame, oof_members: pd.DataFrame, plan: VotePlan, by_fold: Mapping[int, VotePlan]
) -> dict[str, Any]:
    """`macro_f1` and `accuracy`, what the mean of the members is expected to gain over one of them on the test images;
    `members`; `brier_member` out of fold on test-like pages, `spread` on the test images, and the `temperature`.

    Both tables: members of the general models (`views.members_of`); here a member is what one fold's models predict
    together, by the vote and weights of `plan`, out of fold of the plan that the other folds chose. Zero where there
    are no test images or only one member.
    """
    nothing = {"macro_f1": 0.0, "accuracy": 0.0, "members": 1}
    if test_members.empty:
        return nothing
    members = _stack(fold_votes(test_members, plan))
    if len(members) < 2:
        return nothing
    own = oof_members[oof_members["condition"] == "test_like"]
    parts = [fold_votes(held_out, by_fold[int(str(fold))]) for fold, held_out in own.groupby("fold")]
    seen = mean_over_members(pd.concat(parts, ignore_index=True))
    columns = probability_columns(seen)
    truth = np.searchsorted(targets_of(columns), seen["label"].to_numpy(int))
    answers = seen[columns].to_numpy(np.float64)
    temperature = fit_temperature(answers, truth)
    members, answers = temper(members, temperature), temper(answers, temperature)
    brier = float(brier_scores(answers, truth).mean())
    return {**gain_of_mean(members, brier), "members": len(members)}


def gain_of_mean(members: Floats, brier_member: float) -> dict[str, float]:
    """From the members' probabilities (M, N, C) and the Brier score of one of them, in [0, 2], on pages like these."""
    mean = members.mean(axis=0)
    spread = float(np.square(members - mean).sum(axis=2).mean())
    temperature = fit_brier_temperature(mean, brier_member - spread)
    belief = temper(mean, temperature)
    together, alone = mean.argmax(axis=1), members.argmax(axis=2).ravel()
    as_often = np.tile(belief, (len(members), 1))
    return {
        "macro_f1": expected_macro_f1(belief, together) - expected_macro_f1(as_often, alone),
        "accuracy": expected_accuracy(belief, together) - expected_accuracy(as_often, alone),
        "brier_member": brier_member,
        "spread": spread,
        "temperature": temperature,
    }


def fit_brier_temperature(mean: Floats, brier: float) -> float:
    """The temperature under which the probabilities (N, C) are expected to have this Brier score, or nearest to it."""
    squares = float(np.square(mean).sum(axis=1).mean())
    expected = [squares - 2 * float((mean * temper(mean, t)).sum(axis=1).mean()) + 1 for t in TEMPERATURES]
    return float(TEMPERATURES[int(np.abs(np.asarray(expected) - brier).argmin())])


def expected_macro_f1(belief: Floats, answers: NDArray[np.int64]) -> float:
    """Macro-F1 of the answers (N,) with the expected counts, if labels are distributed as `belief` (N, C)."""
    hits = np.zeros(belief.shape[1])
    np.add.at(hits, answers, belief[np.arange(len(answers)), answers])
    size = belief.sum(axis=0) + np.bincount(answers, minlength=belief.shape[1])
    return float(np.mean(2 * hits / np.maximum(size, 1e-12)))


def expected_accuracy(belief: Floats, answers: NDArray[np.int64]) -> float:
    """Share of right answers, if labels are distributed as `belief`."""
    return float(belief[np.arange(len(answers)), answers].mean())


def _stack(members: pd.DataFrame) -> Floats:
    """(M, N, C), a member per fold, images in the order of their ids."""
    columns = probability_columns(members)
    parts = [mean_over_members(own)[["render_id", *columns]] for _, own in members.groupby("fold")]
    if any(part["render_id"].tolist() != parts[0]["render_id"].tolist() for part in parts):
        raise InputError(
            "Expected every member to have predicted the same test images, but they differ; "
            "run the prediction of every fold again."
        )
    return np.stack([part[columns].to_numpy(np.float64) for part in parts])
