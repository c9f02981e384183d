"""What is learnt on top of features: logistic regression, alone or with a small hidden layer beside it.

Features are standardised and put on their principal components first; both steps are linear, and are multiplied into
the weights at the end. How strongly the regression is held back (L2) is chosen on the test-like pages of each learnt
fold by models of the others, by log-loss.

Legend of shapes: N pages, D features, P components, H hidden units, C classes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STRENGTHS = tuple(np.geomspace(1e-4, 1.0, 9).tolist())
"""Inverse of the L2 penalty, as scikit-learn's C."""

COMPONENTS = 256
"""Principal components that are kept, at most."""

STEPS = 400
"""Of the optimiser, at most."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Known:
    """Pages that are learnt: features (N, D), labels (N,) from 0 to C - 1, the fold (N,) of each, and which (N,) are
    test-like."""

    features: NDArray[np.float32]
    labels: Integers
    folds: Integers
    test_like: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.bool_]) -> "Known":
        return Known(self.features[rows], self.labels[rows], self.folds[rows], self.test_like[rows])


@dataclass(frozen=True, eq=False)
class Basis:
    """Standardising and turning to principal components, as one linear map: (x - centre) @ axes, axes (D, P)."""

    centre: Floats
    axes: Floats

    def __call__(self, features: NDArray[np.float32]) -> Floats:
        return np.asarray((features - self.centre) @ self.axes)


def fit_basis(features: NDArray[np.float32], seed: int) -> Basis:
    """Of features (N, D)."""
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(features.astype(np.float64))
    parts = min(COMPONENTS, *features.shape, max(1, len(features) - 1))
    axes = PCA(parts, svd_solver="randomized", random_state=seed % 2**32).fit(scaler.transform(features)).components_
    return Basis(np.asarray(scaler.mean_), np.asarray(axes.T / scaler.scale_[:, None]))


@dataclass(frozen=True, eq=False)
class Head:
    """weights (D, C), bias (C,) of the linear part; hidden (D, H), shift (H,), slope (H,) and out (H, C) of the hidden
    layer beside it, H being 0 where there is none; seen (C,): whether any learnt page is of the class."""

    weights: Floats
    bias: Floats
    hidden: Floats
    shift: Floats
    slope: Floats
    out: Floats
    seen: NDArray[np.bool_]

    def probabilities(self, features: NDArray[np.float32]) -> Floats:
        """(N, C), rows summing to one; 0 for classes that no page was of."""
        values = features.astype(np.float64)
        inner = values @ self.hidden + self.shift
        inner = np.where(inner > 0, inner, self.slope * inner)
        logits = np.where(self.seen, values @ self.weights + self.bias + inner @ self.out, -np.inf)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def fit_logistic(known: Known, classes: int, balanced: bool, seed: int) -> tuple[Head, float]:
    """The head, and the strength that was chosen."""
    strength = choose_strength(known, classes, balanced, seed)
    basis = fit_basis(known.features, seed)
    coefficients, bias = _regress(basis(known.features), known.labels, classes, strength, balanced)
    seen = np.isin(np.arange(classes), known.labels)
    return linear_head(basis, coefficients, bias, seen), strength


def linear_head(basis: Basis, coefficients: Floats, bias: Floats, seen: NDArray[np.bool_]) -> Head:
    """Of coefficients (P, C) and bias (C,) on the components."""
    weights = basis.axes @ coefficients
    empty = np.zeros((len(weights), 0))
    none = np.zeros(0)
    return Head(weights, bias - basis.centre @ weights, empty, none, none, np.zeros((0, len(bias))), seen)


def choose_strength(known: Known, classes: int, balanced: bool, seed: int) -> float:
    """The one with the smallest log-loss on test-like pages, or on all where there are none, of folds not learnt."""
    folds = np.unique(known.folds)
    losses = np.zeros(len(STRENGTHS))
    for fold in folds if len(folds) > 1 else ():
        own = known.folds == fold
        rest, asked = known.take(~own), known.take(own & known.test_like if (own & known.test_like).any() else own)
        if len(np.unique(rest.labels)) < 2:
            continue
        basis = fit_basis(rest.features, seed)
        points, unseen = basis(rest.features), basis(asked.features)
        for number, strength in enumerate(STRENGTHS):
            coefficients, bias = _regress(points, rest.labels, classes, strength, balanced)
            losses[number] += _log_loss(unseen @ coefficients + bias, asked.labels)
    return float(STRENGTHS[int(losses.argmin()) if losses.any() else len(STRENGTHS) // 2])


def _regress(points: Floats, labels: Integers, classes: int, strength: float, balanced: bool) -> tuple[Floats, Floats]:
    """Coefficients (P, C) and bias (C,); of a class without pages as low as can be told from the others."""
    from sklearn.linear_model import LogisticRegression

    weight = "balanced" if balanced else None
    model = LogisticRegression(C=strength, class_weight=weight, max_iter=STEPS).fit(points, labels)
    own, bias = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # one row for both
        own, bias = np.vstack([-own, own]) / 2, np.append(-bias, bias) / 2
    coefficients, biases = np.zeros((points.shape[1], classes)), np.full(classes, -1e3)
    coefficients[:, model.classes_], biases[model.classes_] = own.T, bias
    return coefficients, biases


def _log_loss(logits: Floats, labels: Integers) -> float:
    """Summed; no page counts for more than one at a thousandth, for its label may be wrong."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    given = powers[np.arange(len(labels)), labels] / powers.sum(axis=1)
    return float(-np.log(np.maximum(given, 1e-3)).sum())
