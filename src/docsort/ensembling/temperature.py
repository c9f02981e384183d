"""Confidences that keep their word: one temperature, or a scale and a shift a class, fitted without any test label.

**Out of fold** the temperature is the one with the smallest negative log-likelihood on test-like pages (Guo et al., "On
calibration of modern neural networks", ICML 2017). A page is calibrated with what was fitted on the other folds' pages,
so what is reported of it was not fitted to it.

**On test pages** that temperature is wrong: out of fold one member speaks, on test pages the mean of all, which is
flatter and more often right (Rahaman & Thiery, "Uncertainty quantification and deep ensembles", NeurIPS 2021). No page
with a label has an answer of all members. But each test page has one of every member, and how members fare is known:
what one of them scores, log p(label) on average over pages, was measured out of fold. So labels are taken to be
distributed as the mean's probabilities at some temperature, the one under which the members would score on the test
pages just what they scored out of fold. Were the members averaged geometrically, this would be exactly the temperature
of the smallest expected NLL, whose derivative by 1 / temperature is that difference.

A temperature changes no answer. A scale and a shift a class may; they are used only where they earn it out of fold.

Legend of shapes: M members, N pages, C classes.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from docsort.ensembling.reliability import (
    Floats,
    Integers,
    log_losses,
    probabilities_of,
    safe_log,
    soften,
    temper,
)
from docsort.tables import probability_columns, targets_of

COLDEST, HOTTEST = 0.05, 20.0
"""Temperatures that are searched; below 1 sharpens."""

PENALTY = 0.01
"""Of the squared distance of scales and shifts from plain temperature scaling, beside the mean NLL in nats: a class of
which few pages are seen keeps near to it."""

SCORE_FLOOR = 1e-4
"""Members' probabilities below it count as it in their score, so that one page on which a member is surely wrong does
not weigh as much as many others."""


@dataclass(frozen=True)
class Calibration:
    """Probabilities become soft-max((scale · log p + shift) / temperature); scale and shift (C,), or None."""

    temperature: float
    scale: tuple[float, ...] | None = None
    shift: tuple[float, ...] | None = None

    def reshape(self, probabilities: Floats) -> Floats:
        """(..., C) after scale and shift, before the temperature."""
        if self.scale is None or self.shift is None:
            return probabilities
        return soften(np.asarray(self.scale) * safe_log(probabilities) + np.asarray(self.shift))

    def apply(self, probabilities: Floats) -> Floats:
        """(..., C) calibrated."""
        return temper(self.reshape(probabilities), self.temperature)


def calibrate_votes(votes: pd.DataFrame, calibration: Calibration) -> pd.DataFrame:
    """VOTES with calibrated probabilities, and confidence that of the answer.

    A temperature leaves every answer. Where scale and shift move the largest probability to another class, an answer
    that went with it moves too; one that did not, such as that of a hard vote, stays.
    """
    columns, before = probability_columns(votes), probabilities_of(votes)
    after = calibration.apply(before)
    targets = np.asarray(targets_of(columns), dtype=np.int64)
    answered = np.searchsorted(targets, votes["predicted"].to_numpy(np.int64))
    follows = (answered == before.argmax(axis=1)) & (calibration.scale is not None)
    place = np.where(follows, after.argmax(axis=1), answered)
    calibrated = votes.assign(predicted=targets[place], confidence=after[np.arange(len(votes)), place])
    calibrated[columns] = after
    return calibrated


def fit_temperature(probabilities: Floats, truth: Integers) -> float:
    """The temperature of the smallest NLL of (N, C), truth (N,) being places of classes."""
    from scipy.optimize import minimize_scalar

    logs = safe_log(probabilities)

    def loss(log_temperature: float) -> float:
        return float(log_losses(soften(logs / np.exp(log_temperature)), truth).mean())

    found = minimize_scalar(loss, bounds=(np.log(COLDEST), np.log(HOTTEST)), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))


def fit_vector(probabilities: Floats, truth: Integers) -> Calibration:
    """Scale and shift a class of the smallest penalised NLL (vector scaling, Guo et al. 2017), at temperature 1."""
    from scipy.optimize import minimize

    logs, classes = safe_log(probabilities), probabilities.shape[1]
    start = np.concatenate([np.full(classes, 1 / fit_temperature(probabilities, truth)), np.zeros(classes)])
    own = np.eye(classes)[truth]

    def loss(weights: Floats) -> tuple[float, Floats]:
        after = soften(weights[:classes] * logs + weights[classes:])
        error = (after - own) / len(truth)
        slope = np.concatenate([(error * logs).sum(axis=0), error.sum(axis=0)])
        away = weights - start
        return float(log_losses(after, truth).mean() + PENALTY * away @ away), slope + 2 * PENALTY * away

    found = minimize(loss, start, jac=True, method="L-BFGS-B")
    return Calibration(1.0, tuple(map(float, found.x[:classes])), tuple(map(float, found.x[classes:])))


def member_scores(probabilities: Floats) -> Floats:
    """log p, what a member scores if that class is the true one; (..., C)."""
    return np.asarray(np.log(np.clip(probabilities, SCORE_FLOOR, 1)))


def fit_pooled_temperature(pooled: Floats, members: Floats, known: float) -> float:
    """The temperature of the members' mean (N, C) under which the members (M, N, C) are expected to score, on average
    over pages, the `known` that one of them scored on pages with labels; the nearest to it where none does.
    """
    from scipy.optimize import brentq

    scores = member_scores(members).mean(axis=0)

    def excess(log_temperature: float) -> float:
        return float((temper(pooled, np.exp(log_temperature)) * scores).sum(axis=1).mean()) - known

    cold, hot = np.log(COLDEST), np.log(HOTTEST)
    ends = excess(cold), excess(hot)
    if ends[0] * ends[1] > 0:
        return COLDEST if abs(ends[0]) < abs(ends[1]) else HOTTEST
    return float(np.exp(brentq(excess, cold, hot, xtol=1e-4)))
