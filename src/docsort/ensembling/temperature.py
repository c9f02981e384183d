"""Calibrated confidences: one temperature, or a scale and a shift per class, fitted without any test label.

The temperature is the one under which a label, were it drawn from the probabilities so sharpened or flattened, would be
given on average just the probability that the labels were given. Every page counts for at most 1 in that average. The
usual fit, by negative log-likelihood (Guo et al., "On calibration of modern neural networks", ICML 2017), is ruled by
the few pages whose label is surely contradicted, and where labels are wrong these are the wrong labels.

**Out of fold** a page is calibrated with what was fitted on the other folds' pages, so what is reported of it was not
fitted to it.

**On test pages** that temperature would be wrong: out of fold one member answers, on test pages the mean of all, which
is flatter and more often right (Rahaman & Thiery, "Uncertainty quantification and deep ensembles", NeurIPS 2021). No
page with a label has an answer of all members. But what a member gives to the label, on average over pages, is known
out of fold, and so then is what all of them give on test pages: as much, and as much more or less as a calibrated
member expects to give there (difference of confidences; Guillory et al., "Predicting with confidence on unseen
distributions", ICCV 2021). The temperature of their mean is the one under which labels drawn from it would be given
just that.

A temperature changes no answer. A scale and a shift per class may; they are used only where they earn it out of fold.

Labels may be wrong, and what is fitted is the truth: what each label is believed to be (`ensembling.label_noise`).

Legend of shapes: M members, N pages, C classes; truth (N, C): distributions over the classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from docsort.ensembling.reliability import (
    Floats,
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


@dataclass(frozen=True)
class Calibration:
    """Probabilities become soft-max((scale · log p + shift) / temperature); scale and shift (C,), or None."""

    temperature: float
    scale: tuple[float, ...] | None = None
    shift: tuple[float, ...] | None = None

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Calibration":
        """What `dataclasses.asdict` made of one, also after a JSON."""
        scale, shift = (None if record[name] is None else tuple(record[name]) for name in ("scale", "shift"))
        return cls(float(record["temperature"]), scale, shift)

    def reshape(self, probabilities: Floats) -> Floats:
        """(..., C) after scale and shift, before the temperature."""
        if self.scale is None or self.shift is None:
            return probabilities
        return soften(np.asarray(self.scale) * safe_log(probabilities) + np.asarray(self.shift))

    def apply(self, probabilities: Floats) -> Floats:
        """(..., C) calibrated."""
        return temper(self.reshape(probabilities), self.temperature)


PLAIN = Calibration(1.0)
"""Changes nothing."""


def calibrate_votes(votes: pd.DataFrame, calibration: Calibration) -> pd.DataFrame:
    """VOTES with calibrated probabilities, and confidence that of the answer."""
    return with_probabilities(votes, calibration.apply(probabilities_of(votes)), calibration.scale is not None)


def with_probabilities(votes: pd.DataFrame, after: Floats, may_move: bool) -> pd.DataFrame:
    """VOTES with the probabilities `after` (N, C), and confidence that of the answer.

    A temperature leaves every answer. Where scale and shift (`may_move`) move the largest probability to another class,
    an answer that went with it moves too; one that did not, such as that of a hard vote, stays.
    """
    columns, before = probability_columns(votes), probabilities_of(votes)
    targets = np.asarray(targets_of(columns), dtype=np.int64)
    answered = np.searchsorted(targets, votes["predicted"].to_numpy(np.int64))
    follows = (answered == before.argmax(axis=1)) & may_move
    place = np.where(follows, after.argmax(axis=1), answered)
    calibrated = votes.assign(predicted=targets[place], confidence=after[np.arange(len(votes)), place])
    calibrated[columns] = after
    return calibrated


def fit_temperature(probabilities: Floats, truth: Floats) -> float:
    """The temperature of (N, C) under which labels get, on average, the probability that `truth` (N, C) was given."""
    given = (probabilities * truth).sum(axis=1)
    return fit_pooled_temperature(probabilities, probabilities[None], float(given.mean()))


def fit_pooled_temperature(pooled: Floats, members: Floats, given: float) -> float:
    """The temperature of `pooled` (N, C), the members' answer together, under which the members (M, N, C) would give
    labels, on average over pages, the probability `given`; the end of the range that comes nearest where none does.
    """
    from scipy.optimize import brentq

    shares = members.mean(axis=0)

    def excess(log_temperature: float) -> float:
        return float((temper(pooled, np.exp(log_temperature)) * shares).sum(axis=1).mean()) - given

    cold, hot = np.log(COLDEST), np.log(HOTTEST)
    if excess(cold) <= 0 or excess(hot) >= 0:
        return COLDEST if excess(cold) <= 0 else HOTTEST
    return float(np.exp(brentq(excess, cold, hot, xtol=1e-6)))


def fit_vector(probabilities: Floats, truth: Floats) -> Calibration:
    """Scale and shift per class of the smallest penalised NLL (vector scaling, Guo et al. 2017), then a temperature."""
    from scipy.optimize import minimize

    logs, classes = safe_log(probabilities), probabilities.shape[1]
    start = np.concatenate([np.full(classes, 1 / fit_temperature(probabilities, truth)), np.zeros(classes)])

    def loss(weights: Floats) -> tuple[float, Floats]:
        after = soften(weights[:classes] * logs + weights[classes:])
        error = (after - truth) / len(truth)
        slope = np.concatenate([(error * logs).sum(axis=0), error.sum(axis=0)])
        away = weights - start
        return float(log_losses(after, truth).mean() + PENALTY * away @ away), slope + 2 * PENALTY * away

    found = minimize(loss, start, jac=True, method="L-BFGS-B")
    bent = Calibration(1.0, tuple(map(float, found.x[:classes])), tuple(map(float, found.x[classes:])))
    return replace(bent, temperature=fit_temperature(bent.reshape(probabilities), truth))
