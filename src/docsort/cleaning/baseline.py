"""The baseline: out-of-fold predictions of a shrunken discriminant analysis on `cleaning.page_features`, in seconds.

Classes are held for Gaussian clouds of one shape: linear discriminant analysis, the covariance shrunk towards a sphere
(Friedman, "Regularized Discriminant Analysis", JASA 1989). In the space in which that shape is a sphere a page's
neighbours are asked too. Both are out of fold: a page meets only what was learnt from pages of other groups.
Logistic regression on the same features finds fewer wrong labels, see docs/experiments.md.

Legend of shapes: N pages, K components, C classes.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.cleaning.page_features import features_of
from docsort.folds import FOLD_COUNT, make_folds
from docsort.seeding import derive_seed

ROUNDS = 5
"""Folds are dealt anew this many times, and the predictions averaged."""

SHRINKAGE = 0.5
"""Share of the sphere in the covariance."""

SURENESS = 0.5
"""The log-odds of the Gaussians are multiplied by this: in 300 dimensions they are too sure of themselves."""

NEIGHBOURS = 10
REACH = 0.1
"""A neighbour weighs 1/e where its cosine is lower by this than the nearest one's."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class BaselinePredictions:
    """Out-of-fold predictions of all pages, in the order of `image_ids`.

    targets (C,): class numbers, ascending; classes (N, C): probabilities of the discriminant analysis; nearest (N, C):
    the share of each class among the nearest pages, by weight. Rows sum to one.
    """

    image_ids: NDArray[np.object_]
    targets: Integers
    classes: Floats
    nearest: Floats


def predict_baseline(clean_images: pd.DataFrame, page_features: pd.DataFrame, seed: int) -> BaselinePredictions:
    """Cross-validates by group. Raises InputError where the data is too small for folds (`folds.make_folds`)."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    images = clean_images.sort_values("image_id", ignore_index=True)
    features = features_of(page_features, images["image_id"]).astype(float)
    targets, labels = np.unique(images["label"].to_numpy(dtype=np.int64), return_inverse=True)
    classes, nearest = np.zeros((2, len(images), len(targets)))
    parts = min(FOLD_COUNT, images.groupby("label")["group"].nunique().max())  # a run of three folds may have no more
    with threadpool_limits(limits=1):
        for number in range(ROUNDS):
            # the purpose is part of the seed: another word would deal other folds
            folds = make_folds(images, derive_seed(seed, "first look", number), parts)["fold"].to_numpy()
            for fold in np.unique(folds):
                rows, known = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
                found = predict_unseen(features[known], labels[known], features[rows], len(targets))
                classes[rows] += found[0] / ROUNDS
                nearest[rows] += found[1] / ROUNDS
    return BaselinePredictions(images["image_id"].to_numpy(dtype=object), targets, classes, nearest)


def predict_unseen(known: Floats, labels: Integers, unseen: Floats, classes: int) -> tuple[Floats, Floats]:
    """Class probabilities and neighbour shares, each (U, C), of pages `unseen` (U, K) by pages `known` (N, K) of the
    labels (N,), 0 to C - 1.

    A class that is not among the labels has probability 0.
    """
    counts = np.bincount(labels, minlength=classes)
    sums = np.zeros((classes, known.shape[1]))
    np.add.at(sums, labels, known)
    means = sums / np.maximum(counts, 1)[:, None]
    sphere = _to_sphere(known - means[labels])
    centre = known.mean(axis=0)
    known, unseen, means = ((points - centre) @ sphere for points in (known, unseen, means))
    distances = (unseen**2).sum(axis=1)[:, None] - 2 * unseen @ means.T + (means**2).sum(axis=1)
    with np.errstate(divide="ignore"):
        odds = np.log(counts / counts.sum()) - distances / 2
    odds = SURENESS * (odds - odds.max(axis=1, keepdims=True))
    probabilities = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    return probabilities, neighbour_shares(known, labels, unseen, classes)


def neighbour_shares(known: Floats, labels: Integers, unseen: Floats, classes: int) -> Floats:
    """Share (U, C) of each class among the nearest of `known` (N, K) by cosine, the nearer weighing more."""
    cosines = _unit(unseen) @ _unit(known).T
    count = min(NEIGHBOURS, len(known))
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
    near = np.take_along_axis(cosines, nearest, axis=1)
    weights = np.exp((near - near[:, :1]) / REACH)
    shares = np.zeros((len(unseen), classes))
    np.add.at(shares, (np.repeat(np.arange(len(unseen)), count), labels[nearest].ravel()), weights.ravel())
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _to_sphere(residuals: Floats) -> Floats:
    """The map (K, K) under which residuals (N, K) scatter alike in all directions, so far as shrinkage lets them."""
    values, vectors = np.linalg.eigh(residuals.T @ residuals / len(residuals))
    shrunk = (1 - SHRINKAGE) * values.clip(min=0) + SHRINKAGE * values.mean()
    return np.asarray(vectors / np.sqrt(np.maximum(shrunk, 1e-12)))


def _unit(points: Floats) -> Floats:
    return np.asarray(points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12))
