"""Logistic regression on whatever a kind of member has of its pages, and how strongly it is held back.

That (L2) is chosen on the test-like pages of each learnt fold by models of the others, by log-loss.

Legend of shapes: N pages, Q pages that are asked, P numbers of each, C classes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

STRENGTHS = tuple(np.geomspace(1e-4, 1.0, 9).tolist())
"""Inverse of the L2 penalty, as scikit-learn's C, for numbers that are standardised."""

STEPS = 400
"""Of the optimiser, at most."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Rows = NDArray[np.bool_]
Represent = Callable[[Rows, Rows], tuple[Any, Any]]
"""(learnt (N,), asked (N,)) to points (N', P) and (Q, P), arrays or sparse matrices; what is fitted there knows the
former alone."""


def choose_strength(
    labels: Integers,
    folds: Integers,
    test_like: Rows,
    represent: Represent,
    classes: int,
    balanced: bool = False,
    strengths: tuple[float, ...] = STRENGTHS,
) -> float:
    """The one with the smallest log-loss on test-like pages, or on all where there are none, of folds not learnt.

    labels, folds, test_like: of all pages (N,).
    """
    losses, present = np.zeros(len(strengths)), np.unique(folds)
    for fold in present if len(present) > 1 else ():
        own = folds == fold
        asked = own & test_like if (own & test_like).any() else own
        if len(np.unique(labels[~own])) < 2:
            continue
        points, unseen = represent(~own, asked)
        for number, strength in enumerate(strengths):
            coefficients, bias = regress(points, labels[~own], classes, strength, balanced)
            losses[number] += _log_loss(unseen @ coefficients + bias, labels[asked])
    return float(strengths[int(losses.argmin()) if losses.any() else len(strengths) // 2])


def regress(points: Any, labels: Integers, classes: int, strength: float, balanced: bool) -> tuple[Floats, Floats]:
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


def softmax(logits: Floats) -> Floats:
    """(N, C), rows summing to one; 0 where a logit is minus infinity."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _log_loss(logits: Floats, labels: Integers) -> float:
    """Summed; no page counts for more than one at a thousandth, for its label may be wrong."""
    given = softmax(logits)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(given, 1e-3)).sum())
