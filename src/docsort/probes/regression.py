"""What is learnt on top of features: logistic regression, alone or with a small hidden layer beside it.

Features are standardised and put on their principal components first; both steps are linear, and are multiplied into
the weights at the end.

Legend of shapes: N pages, D features, P components, H hidden units, C classes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docsort.members.logistic import choose_strength, regress, softmax

COMPONENTS = 256
"""Principal components that are kept, at most."""

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
        return softmax(logits)


def fit_logistic(known: Known, classes: int, balanced: bool, seed: int) -> tuple[Head, float]:
    """The head, and the strength that was chosen."""
    strength = _strength(known, classes, balanced, seed)
    basis = fit_basis(known.features, seed)
    coefficients, bias = regress(basis(known.features), known.labels, classes, strength, balanced)
    seen = np.isin(np.arange(classes), known.labels)
    return linear_head(basis, coefficients, bias, seen), strength


def linear_head(basis: Basis, coefficients: Floats, bias: Floats, seen: NDArray[np.bool_]) -> Head:
    """Of coefficients (P, C) and bias (C,) on the components."""
    weights = basis.axes @ coefficients
    empty = np.zeros((len(weights), 0))
    none = np.zeros(0)
    return Head(weights, bias - basis.centre @ weights, empty, none, none, np.zeros((0, len(bias))), seen)


def _strength(known: Known, classes: int, balanced: bool, seed: int) -> float:
    def represent(learnt: NDArray[np.bool_], asked: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        basis = fit_basis(known.features[learnt], seed)
        return basis(known.features[learnt]), basis(known.features[asked])

    return choose_strength(known.labels, known.folds, known.test_like, represent, classes, balanced)
