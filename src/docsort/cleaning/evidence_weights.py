"""How much each model counts in finding wrong labels: by how well it finds labels that are planted to judge it.

Nobody knows which given labels are wrong. But a page whose label some model agrees with could have had any other label:
a good model gives these little probability, and the given one much. So every other label of every such page is planted,
as a share PLANTED of all, and the average precision says how far up the models' ranking puts them. Half of them are of
any class, half of those that the models take for one another, as a person would. The mean of models with the best
ranking is built by adding one model after the other, with replacement (Caruana et al., "Ensemble selection from
libraries of models", ICML 2004); it counts half, equal weights the other half: on few pages it is partly luck.

Weighing by log-loss of the given labels (stacking; Yao et al., Bayesian Analysis 2018) finds fewer: wrong labels rule
it, see docs/experiments.md.

Legend of shapes: M models, N pages, C classes.
"""

import numpy as np
from numpy.typing import NDArray

from docsort.folds import FOLD_COUNT
from docsort.gates import cross_fit

PLANTED = 0.05
"""Share of planted labels among all that are ranked: about as many as are wrong in such data."""

CONFUSED = 0.5
"""Share of the planted labels that go by what the models confuse; the rest are of any class."""

STEPS = 10
"""Models that are added up, with replacement."""

SELECTED = 0.5
"""Of the selected models in the weights; the rest is equal weights."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Rows = NDArray[np.bool_]


def weighted_mean(predictions: Floats, labels: Integers, groups: NDArray[np.object_]) -> tuple[Floats, Floats]:
    """The mean (N, C) of predictions (M, N, C), NaN in rows of pages that a model did not predict, and weights (M,).

    labels (N,): places of the given labels; groups (N,): near-duplicates share one. Each group is answered with weights
    that were found on others; the returned ones are of all pages. NaN in the mean where no model predicted.
    """
    folds = np.unique(groups, return_inverse=True)[1] % FOLD_COUNT
    if len(predictions) < 2 or len(np.unique(folds)) < 2:
        weights = np.ones(len(predictions)) / max(len(predictions), 1)
        return mean_of(predictions, weights), weights

    def fit(rows: Rows) -> Floats:
        return find_weights(predictions[:, rows], labels[rows])

    found = cross_fit(folds, fit, lambda weights, rows: mean_of(predictions[:, rows], weights))
    return found.nested, found.fitted


def mean_of(predictions: Floats, weights: Floats) -> Floats:
    """(N, C) by weights (M,) of those of the models that predicted the page."""
    shares = weights[:, None, None] * ~np.isnan(predictions[:, :, :1])
    totals = shares.sum(axis=0)
    sums = (shares * np.nan_to_num(predictions)).sum(axis=0)
    return np.asarray(np.divide(sums, totals, out=np.full_like(sums, np.nan), where=totals > 0))


def find_weights(predictions: Floats, labels: Integers) -> Floats:
    """(M,), summing to one, none 0; equal where no page was predicted by all models and is undisputed."""
    count = len(predictions)
    equal = np.full(count, 1 / count)
    common = ~np.isnan(predictions).any(axis=(0, 2))
    predictions, labels = predictions[:, common], labels[common]
    mean = predictions.mean(axis=0)
    undisputed = (predictions.argmax(axis=2) == labels).any(axis=0)  # by the mean, it would judge itself
    if not undisputed.any():
        return equal
    planted = plant_chances(mean, labels)[labels[undisputed]]
    chosen = np.zeros(count)
    for _ in range(STEPS):
        tried = [(chosen + one) / (chosen.sum() + 1) for one in np.eye(count)]
        skills = [
            planted_precision(np.tensordot(weights, predictions[:, undisputed], 1), labels[undisputed], planted)
            for weights in tried
        ]
        best = np.array(skills) == max(skills)
        chosen += best / best.sum()
    return np.asarray(SELECTED * chosen / chosen.sum() + (1 - SELECTED) * equal)


def plant_chances(mean: Floats, labels: Integers) -> Floats:
    """(C, C): chances of each class to be planted on pages of a class, rows summing to one, 0 on the diagonal."""
    classes = mean.shape[1]
    sums = np.zeros((classes, classes))
    np.add.at(sums, labels, mean)
    np.fill_diagonal(sums, 0)
    alike = (1 - np.eye(classes)) / max(classes - 1, 1)
    totals = sums.sum(axis=1, keepdims=True)
    confused = np.divide(sums, totals, out=alike.copy(), where=totals > 0)
    return np.asarray(CONFUSED * confused + (1 - CONFUSED) * alike)


def planted_precision(mean: Floats, labels: Integers, planted: Floats) -> float:
    """Average precision of 1 - probability of the label, of all other labels among the given ones.

    mean (N, C), labels (N,), planted (N, C): the chances of each label to be planted, 0 for the given one.
    """
    given = mean[np.arange(len(labels)), labels]
    wrong = planted > 0
    probabilities = np.concatenate([mean[wrong], given])
    planted_weight = np.concatenate([PLANTED * planted[wrong], np.zeros(len(given))])
    weight = np.concatenate([PLANTED * planted[wrong], np.full(len(given), 1 - PLANTED)])
    order = np.argsort(probabilities, kind="stable")
    last = np.append(np.diff(probabilities[order]) > 0, True)  # ties stand and fall together
    hits, listed = (np.cumsum(values[order])[last] for values in (planted_weight, weight))
    return float((np.diff(hits, prepend=0) * hits / listed).sum() / hits[-1])
