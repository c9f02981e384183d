"""What predictions are worth: macro-F1 with its interval, and the mean prediction of a page that it is taken on.

Macro-F1 is the plain mean of the F1 of the classes that occur in the labels, an F1 without any true or predicted
positive being 0: scikit-learn's `f1_score(labels, predictions, labels=unique(labels), average="macro",
zero_division=0)`. What is reported counts the classes that are answered too though no page has them, with F1 0:
scikit-learn's own choice of labels, and a competition's. A class that the data names and that neither occurs nor is
answered has nothing to be judged by; among training pages cleaning leaves no such class. Intervals are percentile
bootstraps that resample whole source groups, because renders of one photo, and near-duplicates, are not independent;
mistakes that no group shows are drawn beside it. They tell the luck of the draw of pages, not of training.

Legend of shapes: N predictions, G groups, C classes, B bootstrap draws.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from docsort.errors import InputError, listing
from docsort.seeding import derive_rng
from docsort.tables import PREDICTION_KEYS, VIEW_KEYS, probability_columns, values_of

MEMBER_KEYS = tuple(key for key in PREDICTION_KEYS if key not in VIEW_KEYS)
"""Keys of a table of members: one row a (model, fold, render), the mean over its views."""

PAGE_KEYS = tuple(key for key in MEMBER_KEYS if key not in ("model", "fold"))
"""Keys of a table of means: one row a render, the mean over all members."""

SUM_TOLERANCE = 1e-3
"""How far from 1 a row of probabilities may sum: bf16 soft-maxes are off by about 4e-4."""

WEIGHTS_AT_ONCE = 1_000_000
"""Bootstrap weights held in memory together (8 MB, three times over while they are drawn)."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def macro_f1(labels: ArrayLike, predictions: ArrayLike, answered: bool = False) -> float:
    """Mean F1 over the classes that occur in the labels, in [0, 1]; answered: and over those of the predictions."""
    truth, guess = _paired(labels, predictions)
    counts = _group_counts(truth, guess, np.zeros(len(truth), dtype=np.int64), answered)
    return float(_macro_f1_of_counts(counts.sum(axis=0)))


def accuracy(labels: ArrayLike, predictions: ArrayLike) -> float:
    """Share of right answers, in [0, 1]."""
    truth, guess = _paired(labels, predictions)
    return float((truth == guess).mean())


def confusion_matrix(labels: ArrayLike, predictions: ArrayLike, targets: Sequence[int]) -> Integers:
    """Counts (C, C): row i, column j = pages of class targets[i] that were taken for class targets[j]."""
    truth, guess = _paired(labels, predictions)
    known = np.asarray(targets, dtype=np.int64)
    strangers = sorted(set(np.concatenate([truth, guess])) - set(known))
    if strangers:
        raise InputError(
            f"Expected labels and predictions to be among the classes {listing(known, limit=30)}, "
            f"but got {listing(strangers)}; the predictions belong to another data set: predict again."
        )
    order = np.argsort(known)
    rows, columns = (order[np.searchsorted(known[order], values)] for values in (truth, guess))
    matrix = np.zeros((len(known), len(known)), dtype=np.int64)
    np.add.at(matrix, (rows, columns), 1)
    return matrix


def per_class_scores(labels: ArrayLike, predictions: ArrayLike, classes: pd.DataFrame) -> pd.DataFrame:
    """One row a class of `classes`: target, class_name, support (true pages), predicted (pages), precision, recall, f1.

    A quotient with nothing below is 0, also for classes that no page has.
    """
    matrix = confusion_matrix(labels, predictions, classes["target"].tolist())
    hits, support, predicted = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    table = classes[["target", "class_name"]].reset_index(drop=True)
    return table.assign(
        support=support,
        predicted=predicted,
        precision=_ratio(hits, predicted),
        recall=_ratio(hits, support),
        f1=_ratio(2 * hits, support + predicted),
    )


def draw_unseen_errors(groups: int, draws: int, rng: np.random.Generator) -> Floats:
    """(B,) share of pages with a mistake of a kind that none of so many groups has shown, in [0, 1].

    A bootstrap of right answers has no mistake: after 100 of them it is certain that all others are right. But what was
    looked for 100 times and not found may still have a rate of .03 (the rule of three: Hanley & Lippman-Hand, "If
    nothing goes wrong, is everything all right?", JAMA 1983). This is the posterior of that rate, by the prior of
    Jeffreys (Brown, Cai & DasGupta, "Interval estimation for a binomial proportion", Statistical Science 2001). Where
    there are many mistakes it widens an interval by next to nothing.
    """
    return rng.beta(0.5, groups + 0.5, draws)


def bootstrap_interval(
    labels: ArrayLike,
    predictions: ArrayLike,
    groups: ArrayLike,
    draws: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
    answered: bool = False,
) -> tuple[float, float]:
    """Interval (low, high) of the macro-F1 of a fresh sample of groups, which may have mistakes that these do not show.
    Row order does not matter.
    """
    truth, guess = _paired(labels, predictions)
    counts = _group_counts(truth, guess, _group_codes(groups, len(truth)), answered)
    scores = _bootstrap(counts[None], draws, seed)[:, 0]
    unseen = draw_unseen_errors(len(counts), draws, derive_rng(seed, "unseen errors"))
    return _percentiles(np.minimum(1, scores * (1 - unseen) / (1 - unseen.mean())), confidence)


def paired_bootstrap(
    labels: ArrayLike,
    predictions_a: ArrayLike,
    predictions_b: ArrayLike,
    groups: ArrayLike,
    draws: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> tuple[float, float, float]:
    """(delta, low, high): macro-F1 of b minus that of a, both scored on the same draws; positive = b is better."""
    truth, guess_a = _paired(labels, predictions_a)
    _, guess_b = _paired(labels, predictions_b)
    codes = _group_codes(groups, len(truth))
    counts = np.stack([_group_counts(truth, guess, codes) for guess in (guess_a, guess_b)])
    scores = _bootstrap(counts, draws, seed)
    delta = macro_f1(truth, guess_b) - macro_f1(truth, guess_a)
    return (delta, *_percentiles(scores[:, 1] - scores[:, 0], confidence))


def paired_draws(
    labels: ArrayLike, rivals: Sequence[ArrayLike], groups: ArrayLike, draws: int = 1000, seed: int = 0
) -> Floats:
    """Macro-F1 (B, K) of K rivals' predictions on the same bootstrap draws of groups."""
    pairs = [_paired(labels, predictions) for predictions in rivals]
    codes = _group_codes(groups, len(pairs[0][0]))
    return _bootstrap(np.stack([_group_counts(truth, guess, codes) for truth, guess in pairs]), draws, seed)


def mean_bootstrap(
    values: Floats, groups: ArrayLike, draws: int = 1000, seed: int = 0, confidence: float = 0.95
) -> tuple[float, float, float]:
    """(mean, low, high) of values (N,), any unit."""
    codes = _group_codes(groups, len(values))
    sums, counts = np.bincount(codes, values), np.bincount(codes)
    chances = np.full(len(counts), 1 / len(counts))
    weights = np.random.default_rng(seed).multinomial(len(counts), chances, size=draws)
    low, high = _percentiles(weights @ sums / (weights @ counts), confidence)
    return float(sums.sum() / counts.sum()), low, high


def mean_over_members(members: pd.DataFrame) -> pd.DataFrame:
    """Means: one row a render, columns PAGE_KEYS and the mean p_<target>; every (model, fold) weighs the same.

    Raises InputError where a render was predicted by fewer members than another: out of fold one a model, on test
    images one a model and fold.
    """
    means, counts = _mean_by(members, ["condition", "render_id"], ["model", "fold"], PAGE_KEYS)
    if (counts != counts.max()).any():
        poor = means.loc[counts != counts.max(), "render_id"]
        lacking = members[members["render_id"] == poor.iloc[0]]
        raise InputError(
            f"Expected every page to be predicted by {counts.max()} members, but {len(poor)} pages are not: "
            f"{poor.iloc[0]} only by {_member_names(lacking)}; run the prediction of every fold again."
        )
    return means


def _mean_by(
    table: pd.DataFrame, keys: list[str], within: list[str], kept: tuple[str, ...]
) -> tuple[pd.DataFrame, Integers]:
    """Means of the probabilities a distinct key, in sorted order, and how many rows each was taken over."""
    columns = probability_columns(table)
    ordered = table.sort_values([*keys, *within], kind="stable", ignore_index=True)
    codes = ordered.groupby(keys, sort=False).ngroup().to_numpy()
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    counts = np.diff(starts, append=len(ordered))
    sums = np.add.reduceat(values_of(ordered, columns), starts, axis=0)
    firsts = ordered.loc[starts, list(kept)].reset_index(drop=True)
    return pd.concat([firsts, pd.DataFrame(sums / counts[:, None], columns=columns)], axis=1), counts


def broken_rows(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows of a table with p_<target> are no probabilities: negative, missing, or not summing to one."""
    values = table[probability_columns(table)].to_numpy(np.float64)
    # A NaN fails both comparisons, so it counts as broken.
    return np.asarray(~((np.abs(values.sum(axis=1) - 1) <= SUM_TOLERANCE) & (values >= 0).all(axis=1)))


def check_probabilities(predictions: pd.DataFrame) -> None:
    """Raises InputError, naming members, for rows that are not probabilities."""
    broken = broken_rows(predictions)
    if broken.any():
        raise InputError(
            f"Expected rows of probabilities that are not negative and sum to 1, but {broken.sum()} do not, such as "
            f"{_member_names(predictions[broken])}; that model is broken: train it again or leave it out."
        )


def _member_names(table: pd.DataFrame, limit: int = 3) -> str:
    rows = table.head(limit).itertuples()
    return ", ".join(f"render {row.render_id} of model {row.model} fold {row.fold}" for row in rows)


def _paired(labels: ArrayLike, predictions: ArrayLike) -> tuple[Integers, Integers]:
    truth, guess = np.asarray(labels, dtype=np.int64), np.asarray(predictions, dtype=np.int64)
    if truth.shape != guess.shape or truth.ndim != 1 or not len(truth):
        raise InputError(
            f"Expected as many predictions as labels, at least one, but got {truth.shape} labels and {guess.shape} "
            "predictions; score only pages that have both."
        )
    return truth, guess


def _group_codes(groups: ArrayLike, count: int) -> Integers:
    names = np.asarray(groups, dtype=str)
    if len(names) != count:
        raise InputError(f"Expected one group a prediction, {count}, but got {len(names)}; pass the group column.")
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _group_counts(truth: Integers, guess: Integers, groups: Integers, answered: bool = False) -> Floats:
    """(G, 3, C): hits, true pages and predicted pages of each class that occurs in the labels, group by group.

    answered: of those that are only predicted as well; what is predicted counts as if it were true, so that such a
    class is there, with F1 0.
    """
    classes = np.union1d(truth, guess) if answered else np.unique(truth)
    rows = np.searchsorted(classes, truth)
    columns = np.searchsorted(classes, guess).clip(max=len(classes) - 1)
    known = classes[columns] == guess
    counts = np.zeros((groups.max() + 1, 3, len(classes)))
    hit = truth == guess
    np.add.at(counts[:, 0], (groups[hit], rows[hit]), 1)
    np.add.at(counts[:, 1], (groups, rows), 1)
    np.add.at(counts[:, 2], (groups[known], columns[known]), 1)
    claimed = ~np.isin(classes, truth)
    counts[:, 1, claimed] = counts[:, 2, claimed]
    return counts


def _macro_f1_of_counts(counts: Floats) -> Floats:
    """Macro-F1 (...) of counts (..., 3, C); a class without true pages in a draw is left out of that draw."""
    hits, support, predicted = counts[..., 0, :], counts[..., 1, :], counts[..., 2, :]
    present = support > 0
    scores = np.divide(2 * hits, support + predicted, out=np.zeros_like(hits), where=present)
    return np.asarray(scores.sum(axis=-1) / present.sum(axis=-1))


def _bootstrap(counts: Floats, draws: int, seed: int) -> Floats:
    """Macro-F1 (B, K) of K rivals with counts (K, G, 3, C), scored on the same draws of groups."""
    rivals, groups, _, classes = counts.shape
    rng = derive_rng(seed, "bootstrap")
    flat = counts.reshape(rivals, groups, 3 * classes)
    batch = max(1, WEIGHTS_AT_ONCE // groups)
    scores = []
    for start in range(0, draws, batch):
        size = min(batch, draws - start)
        drawn = rng.integers(groups, size=(size, groups)) + groups * np.arange(size)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=size * groups).reshape(size, groups).astype(np.float64)
        sums = (weights @ flat).reshape(rivals, size, 3, classes)
        scores.append(_macro_f1_of_counts(sums).T)
    return np.concatenate(scores)


def _percentiles(scores: Floats, confidence: float) -> tuple[float, float]:
    low, high = np.quantile(scores, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _ratio(above: Integers, below: Integers) -> Floats:
    return np.divide(above, below, out=np.zeros(len(above)), where=below > 0)
