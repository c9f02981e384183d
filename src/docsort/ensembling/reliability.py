"""Do confidences keep their word? Of the pages answered with .8, eight in ten should be right.

Three measures of it. The expected calibration error is the mean distance between confidence and share of right answers
over bins of pages (Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015): easy to
read, but it depends on the bins and is above zero by luck alone, the more so the fewer the pages. The Brier score and
the negative log-likelihood (NLL) have neither fault, but mix how sure answers are with how good they are.

What a page is need not be sure: some labels are wrong. So all are judged against `truth`, a distribution over the
classes; where labels are right, all of it is on the label.

Legend of shapes: N pages, C classes, B bins; truth (N, C), rows summing to one.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.errors import InputError
from docsort.seeding import derive_rng
from docsort.tables import probability_columns, targets_of, values_of

BINS = 15
"""As in Guo et al., "On calibration of modern neural networks", ICML 2017."""

LUCKY_DRAWS = 200
SMALLEST = 1e-9
"""Probabilities below it count as it: one page answered with a hard 0 must not make the NLL infinite."""

RELIABILITY = ("low", "high", "pages", "confidence", "accuracy")
"""One row a bin that holds pages: the confidences it spans, mean confidence and share of right answers."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def reliability_scores(votes: pd.DataFrame, seed: int = 0, truth: Floats | None = None) -> dict[str, Any]:
    """`ece` (15 bins of equal width), `ece_mass` (15 bins of equally many pages), `ece_by_luck` (what `ece` would read
    on average if every confidence kept its word), `brier` in [0, 2], `nll` in nats, mean `confidence`, `accuracy` and
    `pages`.

    votes: VOTES, any number of rows above zero. truth: of their pages; None: their labels are right.
    """
    if votes.empty:
        raise InputError("Expected answered pages with labels to judge confidences by, but there are none.")
    truth = certain_truth(votes) if truth is None else truth
    confidence, right = votes["confidence"].to_numpy(np.float64), chance_right(votes, truth)
    probabilities = probabilities_of(votes)
    return {
        "ece": calibration_error(confidence, right),
        "ece_mass": calibration_error(confidence, right, equal="mass"),
        "ece_by_luck": error_by_luck(confidence, seed),
        "brier": float(brier_scores(probabilities, truth).mean()),
        "nll": float(log_losses(probabilities, truth).mean()),
        "confidence": float(confidence.mean()),
        "accuracy": float(right.mean()),
        "pages": len(votes),
    }


def reliability_bins(confidence: Floats, right: Floats, bins: int = BINS, equal: str = "width") -> pd.DataFrame:
    """Columns RELIABILITY. confidence, right (N,), in [0, 1]; bins of equal "width", or "mass": as many pages."""
    codes = _bin_codes(np.asarray(confidence, dtype=np.float64), bins, equal)
    table = pd.DataFrame({"bin": codes, "confidence": confidence, "right": np.asarray(right, dtype=np.float64)})
    grouped = table.groupby("bin")
    found = pd.DataFrame(
        {
            "pages": grouped.size(),
            "confidence": grouped["confidence"].mean(),
            "accuracy": grouped["right"].mean(),
        }
    )
    low = found.index.to_numpy() / bins if equal == "width" else grouped["confidence"].min()
    high = (found.index.to_numpy() + 1) / bins if equal == "width" else grouped["confidence"].max()
    return found.assign(low=low, high=high).reset_index(drop=True)[list(RELIABILITY)]


def calibration_error(confidence: Floats, right: Floats, bins: int = BINS, equal: str = "width") -> float:
    """Mean distance, in [0, 1], between mean confidence and share of right answers, bins weighing by their pages."""
    table = reliability_bins(confidence, right, bins, equal)
    return float((table["pages"] * (table["confidence"] - table["accuracy"]).abs()).sum() / table["pages"].sum())


def error_by_luck(confidence: Floats, seed: int, draws: int = LUCKY_DRAWS) -> float:
    """The mean calibration error of so many pages whose answers are right exactly as often as their confidence says."""
    rng = derive_rng(seed, "calibration error by luck")
    codes = _bin_codes(np.asarray(confidence, dtype=np.float64), BINS, "width")
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    ordered = np.asarray(confidence, dtype=np.float64)[order]
    missed = ordered - (rng.random((draws, len(ordered))) < ordered)
    return float(np.abs(np.add.reduceat(missed, starts, axis=1)).sum(axis=1).mean() / len(ordered))


def brier_scores(probabilities: Floats, truth: Floats) -> Floats:
    """(N,) expected squared distance of (N, C) to the true corner of the simplex, in [0, 2]."""
    return np.asarray(np.square(probabilities).sum(axis=1) - 2 * (probabilities * truth).sum(axis=1) + 1)


def log_losses(probabilities: Floats, truth: Floats) -> Floats:
    """(N,) expected negative log-likelihood in nats of the true class under (N, C)."""
    return np.asarray(-(safe_log(probabilities) * truth).sum(axis=1))


def temper(probabilities: Floats, temperature: float | Floats) -> Floats:
    """(..., C) to the power 1 / temperature, normalised (Guo et al., "On calibration of modern neural networks")."""
    return soften(safe_log(probabilities) / temperature)


def soften(logits: Floats) -> Floats:
    """The soft-max over the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def safe_log(probabilities: Floats) -> Floats:
    """Natural logarithms, those of probabilities below SMALLEST being its own."""
    return np.asarray(np.log(np.clip(probabilities, SMALLEST, 1)))


def probabilities_of(votes: pd.DataFrame) -> Floats:
    """(N, C), classes ascending."""
    return values_of(votes, probability_columns(votes))


def truth_of(votes: pd.DataFrame) -> Integers:
    """(N,) the place of each label among the classes, ascending."""
    return places_of(votes["label"], targets_of(probability_columns(votes)))


def certain_truth(votes: pd.DataFrame) -> Floats:
    """(N, C) all on the label."""
    return np.eye(len(probability_columns(votes)))[truth_of(votes)]


def chance_right(votes: pd.DataFrame, truth: Floats) -> Floats:
    """(N,) how likely each answer is right, in [0, 1]."""
    answers = places_of(votes["predicted"], targets_of(probability_columns(votes)))
    return np.asarray(truth[np.arange(len(answers)), answers])


def places_of(numbers: pd.Series, targets: list[int]) -> Integers:
    """(N,) the place of each class number among the targets, ascending."""
    return np.searchsorted(targets, numbers.to_numpy(np.int64)).astype(np.int64)


def _bin_codes(confidence: Floats, bins: int, equal: str) -> Integers:
    """(N,) the bin of each page, from 0; equal confidences are in one bin of equal width, not always of equal mass."""
    if equal == "width":
        return np.minimum((confidence * bins).astype(np.int64), bins - 1)
    ranks = np.empty(len(confidence), dtype=np.int64)
    ranks[np.argsort(confidence, kind="stable")] = np.arange(len(confidence))
    return ranks * bins // len(confidence)
