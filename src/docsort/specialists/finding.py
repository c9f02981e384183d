"""Proposing groups of look-alike classes from what the general models confuse out of fold, on test-like pages.

How alike two classes are is measured pair by pair: the chance that, of a page of each, the general models' odds between
the two point the wrong way. It is 0 where they are always told apart and 0.5 where they cannot be; one less the area
under the ROC curve of Hand & Till, "A simple generalisation of the area under the ROC curve for multiple class
classification problems" (Machine Learning 45, 2001). Counts of wrong answers, the confusion matrix as it stands, show
mostly which class the models like to answer; among look-alikes one takes all and the rest is scattered.

Classes are joined as long as the mean rate between two clusters is well above that of all pairs (agglomerative, average
linkage). Classes are a group when they are together whichever fold is left out, so that no fold's pages alone made it,
and it is proposed when a specialist without a fault would gain something worth a training.

Legend of shapes: F folds, C classes, N pages.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.errors import listing
from docsort.metrics import macro_f1
from docsort.specialists.groups import ORIGINS, SpecialistGroup, group_table
from docsort.specialists.parameters import FOUND, SpecialistParameters
from docsort.specialists.routing import top_targets
from docsort.specialists.rules import judged_pages
from docsort.tables import probability_columns, targets_of

Floats = NDArray[np.float64]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoundGroup:
    """group; rate: mean over its pairs of how often the two are confused, in [0, 1]; confusion_ratio: that over the
    mean of all pairs; at_stake: macro-F1 that a specialist without a fault would gain."""

    group: SpecialistGroup
    rate: float
    confusion_ratio: float
    at_stake: float


def find_lookalikes(votes: pd.DataFrame, parameters: SpecialistParameters) -> list[FoundGroup]:
    """The groups with most at stake first, sharing no class; none is no error.

    votes: of the general models, out of fold, as a table of members (`votes.fold_votes`); only test-like pages are
    read.
    """
    means, page_folds = judged_pages(votes)
    columns = probability_columns(means)
    targets = targets_of(columns)
    labels = means["label"].to_numpy(np.int64)
    wrong, pairs = confusions(means[columns].to_numpy(np.float64), np.searchsorted(targets, labels), page_folds)
    rates = _ratio(wrong.sum(axis=0), pairs.sum(axis=0))
    usual = float(rates[np.triu_indices(len(targets), 1)].mean())
    without = [_ratio(wrong.sum(axis=0) - own, pairs.sum(axis=0) - of) for own, of in zip(wrong, pairs, strict=True)]
    found = []
    for columns_together in always_together([clusters(others, parameters.find_confusion_ratio) for others in without]):
        group = _named([targets[column] for column in columns_together])
        rate = float(rates[np.ix_(columns_together, columns_together)][np.triu_indices(len(group.targets), 1)].mean())
        found.append(FoundGroup(group, rate, rate / usual, gain_at_stake(means, group)))
    for each in found:
        logger.info(
            "Classes %s are confused at %.0f %%, %.1f times as often as usual; a specialist could gain %.3f.",
            listing(each.group.targets, limit=20),
            100 * each.rate,
            each.confusion_ratio,
            each.at_stake,
        )
    worthwhile = [each for each in found if each.at_stake >= parameters.find_gain]
    if not worthwhile:
        logger.info("No group of look-alikes was found that is worth a specialist.")
    return sorted(worthwhile, key=lambda each: (-each.at_stake, each.group.targets))


def with_found(given: Sequence[SpecialistGroup], found: Sequence[FoundGroup], most: int) -> pd.DataFrame:
    """Columns ORIGINS: the given groups, then the first `most` of the found ones that share no class with them."""
    taken = {target for group in given for target in group.targets}
    new = [each for each in found if not taken & set(each.group.targets)][:most]
    for each in found:
        if each not in new:
            reason = "it shares a class with a given one" if taken & set(each.group.targets) else "others gain more"
            logger.info("Found group %s is left out: %s.", each.group.name, reason)
    table = group_table([*given, *(each.group for each in new)])
    nothing = [(float("nan"),) * 3] * len(given)
    measured = nothing + [(each.rate, each.confusion_ratio, each.at_stake) for each in new]
    origin = ["given"] * len(given) + ["found"] * len(new)
    columns = list(ORIGINS[-3:])
    return table.assign(origin=origin).join(pd.DataFrame(measured, columns=columns, dtype=float))[list(ORIGINS)]


def confusions(probabilities: Floats, truth: NDArray[np.int64], page_folds: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """(F, C, C) pairs of pages that the odds order wrongly, ties counting half, and (F, C, C) all pairs, symmetric.

    probabilities: (N, C); truth: (N,) columns of the true classes. A pair is of two pages of one fold, because the odds
    of different folds' models need not agree on the same zero.
    """
    folds, classes = np.unique(page_folds), probabilities.shape[1]
    logs = np.log(np.clip(probabilities, 1e-12, 1))
    wrong, pairs = np.zeros((2, len(folds), classes, classes))
    for number, fold in enumerate(folds):
        rows = [logs[(page_folds == fold) & (truth == column)] for column in range(classes)]
        for one in range(classes):
            for other in range(one):
                count = len(rows[one]) * len(rows[other])
                if count:
                    odds = [own[:, one] - own[:, other] for own in (rows[one], rows[other])]
                    wrong[number, one, other] = wrong[number, other, one] = _overtakes(odds[0], odds[1])
                    pairs[number, one, other] = pairs[number, other, one] = count
    return wrong, pairs


def clusters(rates: Floats, ratio: float) -> list[tuple[int, ...]]:
    """Columns of classes that belong together, two or more, from symmetric rates (C, C); the closest first.

    ratio: how many times the mean rate of all pairs the mean rate between two joined clusters is.
    """
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    classes = len(rates)
    flat = rates[np.triu_indices(classes, 1)]
    if classes < 3 or not flat.any():
        return []
    distances = flat.max() - rates
    np.fill_diagonal(distances, 0)
    parts: dict[int, tuple[int, ...]] = {column: (column,) for column in range(classes)}
    for step, (one, other, distance, _) in enumerate(linkage(squareform(distances, checks=False), "average")):
        # Average linkage never joins nearer than before, so the first that is too far ends it.
        if flat.max() - distance < ratio * flat.mean():
            break
        parts[classes + step] = tuple(sorted(parts.pop(int(one)) + parts.pop(int(other))))
    return [members for members in parts.values() if len(members) > 1]


def always_together(partitions: Sequence[Sequence[tuple[int, ...]]]) -> list[tuple[int, ...]]:
    """Columns that share a cluster in every partition, two or more, by the smallest column.

    A column that a partition does not name is alone in it.
    """
    homes: dict[int, list[int]] = {}
    for number, partition in enumerate(partitions):
        for members in partition:
            for column in members:
                homes.setdefault(column, [-1] * len(partitions))[number] = members[0]
    together: dict[tuple[int, ...], list[int]] = {}
    for column in sorted(homes):
        if -1 not in homes[column]:
            together.setdefault(tuple(homes[column]), []).append(column)
    return [tuple(members) for members in together.values() if len(members) > 1]


def gain_at_stake(means: pd.DataFrame, group: SpecialistGroup) -> float:
    """Macro-F1 gained if every page of the group that was taken for another of the group were answered rightly."""
    labels, answers = means["label"].to_numpy(np.int64), top_targets(means)
    within = np.isin(labels, group.targets) & np.isin(answers, group.targets)
    return macro_f1(labels, np.where(within, labels, answers)) - macro_f1(labels, answers)


def _named(targets: Sequence[int]) -> SpecialistGroup:
    return SpecialistGroup("_".join([FOUND, *map(str, sorted(targets))]), tuple(sorted(targets)))


def _overtakes(own: Floats, other: Floats) -> float:
    """Pairs in which a value of `other` is larger than one of `own`, equal ones counting half: Mann & Whitney's U."""
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([own, other]))[: len(own)]
    return float(len(own) * len(other) - (ranks.sum() - len(own) * (len(own) + 1) / 2))


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
