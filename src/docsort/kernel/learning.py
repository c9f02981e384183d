"""Fits a kernel model to described pages, in seconds, in one process.

No page comes with the turn that it lies in. Plain pages are taken for upright at first; then models that have not
learnt a page predict how it lies, its class being known, and all are laid upright by that. Worn pages come in the same
way, those left out whose turn is in doubt. Models that have not learnt a page also calibrate it: one sharpness, by
log-loss on test-like pages. For all of this the folds of the learnt pages are used as they are: the fold that is held
out has no part in it.

Legend of shapes: N known pages, U unknown ones, G = 8 turns, C classes, F numbers of a page.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docsort.kernel.regression import (
    Floats,
    Integers,
    Numbers,
    distances,
    fit,
    kernel,
    kernel_width,
    score,
    to_probabilities,
    turns_of,
)

SURE_TURN = 0.5
"""Worn pages whose turn is less probable are not learnt."""

SHARPNESSES = np.geomspace(2.0, 200.0, 60)


@dataclass(frozen=True, eq=False)
class Described:
    """Pages: numbers (N, F), labels (N,) from 0 to C - 1, and the fold (N,) that each is of."""

    numbers: Numbers
    labels: Integers
    folds: Integers

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.bool_]) -> "Described":
        return Described(self.numbers[rows], self.labels[rows], self.folds[rows])


@dataclass(frozen=True, eq=False)
class Learnt:
    """What was learnt: pages laid upright by `turns`, their weights (G, N, C), the kernel's width, the sharpness."""

    numbers: Numbers
    turns: Integers
    weights: Floats
    width: float
    sharpness: float


def learn(plain: Described, worn: Described, probes: Described, classes: int) -> Learnt:
    """Learns plain and worn pages; `probes` are test-like pages that only calibrate the sharpness.

    Needs pages of two folds at least, as each fold is asked of models of the others.
    """
    apart = distances(plain.numbers, plain.numbers)
    width = kernel_width(apart)
    upright = np.zeros(len(plain), dtype=np.int64)
    scores = _unseen_scores(plain, upright, apart, plain, apart, width, classes)
    turns, _ = turns_of(scores, plain.labels)
    pages = plain
    if len(worn):
        scores = _unseen_scores(plain, turns, apart, worn, distances(worn.numbers, plain.numbers), width, classes)
        worn_turns, sure = turns_of(scores, worn.labels)
        pages, turns = _joined(plain, worn.take(sure > SURE_TURN)), np.append(turns, worn_turns[sure > SURE_TURN])
        apart = distances(pages.numbers, pages.numbers)
    asked = distances(probes.numbers, pages.numbers)
    sharpness = best_sharpness(_unseen_scores(pages, turns, apart, probes, asked, width, classes), probes.labels)
    weights = fit(kernel(apart, width, turns, turns), pages.labels, classes)
    return Learnt(pages.numbers, turns, weights, width, sharpness)


def best_sharpness(scores: Floats, labels: Integers) -> float:
    """The one under which the true classes (U,) are least surprising, by scores (U, G, C)."""
    seen = np.ones(scores.shape[2], dtype=bool)
    losses = []
    for sharpness in SHARPNESSES:
        classes = to_probabilities(scores, float(sharpness), seen).sum(axis=1)
        losses.append(-np.log(np.maximum(classes[np.arange(len(labels)), labels], 1e-12)).mean())
    return float(SHARPNESSES[int(np.argmin(losses))])


def _unseen_scores(
    pages: Described, turns: Integers, apart: Numbers, asked: Described, far: Numbers, width: float, classes: int
) -> Floats:
    """(U, G, C) of the pages `asked`, by models that have learnt `pages` of all folds but theirs.

    turns: those that `pages` lie in; apart: distances of the pages, as they lie, to each other; far: of the asked ones
    to them.
    """
    scores = np.zeros((len(asked), len(apart), classes))
    for fold in np.unique(asked.folds):
        known, unknown = np.flatnonzero(pages.folds != fold), np.flatnonzero(asked.folds == fold)
        between = apart[:, known[:, None], known]
        weights = fit(kernel(between, width, turns[known], turns[known]), pages.labels[known], classes)
        as_they_lie = np.zeros(len(unknown), dtype=np.int64)
        alike = kernel(far[:, unknown[:, None], known], width, as_they_lie, turns[known])
        scores[unknown] = score(alike, weights)
    return scores


def _joined(some: Described, others: Described) -> Described:
    return Described(
        np.concatenate([some.numbers, others.numbers]),
        np.concatenate([some.labels, others.labels]),
        np.concatenate([some.folds, others.folds]),
    )
