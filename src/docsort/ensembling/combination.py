"""The arithmetic of votes: from the members' probabilities to one distribution and one winner per page.

Kinds of vote. One level, over all members: `soft` (mean), `geometric` (mean of logarithms, normalised: a member that
rules a class out counts), `rank` (Borda counts: how high a member places a class, not how sure it is), `hard` (first
guesses). Two levels, over a model's folds and then over the models: `soft_soft`, `soft_hard` (each model's mean casts
one ballot) and `hard_hard`. Out of fold a model has one member per page, so there the levels fall together: `soft_soft`
answers as `soft`, the other two as `hard`.

Equal counts go to the larger mean probability, and where that is equal too the lot decides, drawn from what all members
predict of the page: nothing ever goes to a class for its number, and a page gets the same answer whatever it is called.

Legend of shapes: P pages, K members, M models, J ballots per page (K, or M in two levels), C classes.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.ensembling.reliability import soften
from docsort.ensembling.stack import MemberStack
from docsort.seeding import derive_rng

COUNTED = ("rank", "hard", "soft_hard", "hard_hard")
"""Kinds in which predictions are turned into ballots before they are added up; the others are means."""

TWO_LEVELS = ("soft_soft", "soft_hard", "hard_hard")

TIE = 1e-12
"""Scores this near are equal: sums of the same weights in another order."""

FLOOR = 1e-9
"""Probabilities below count as this much in a geometric mean: one member alone cannot rule a class out."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Tally:
    """What is added up. ballots, predictions (P, J, C): what each predicts, as the vote counts it and as probabilities;
    owners (J,): the model that each belongs to, an index into the sorted names.
    """

    kind: str
    ballots: Floats
    predictions: Floats
    owners: Integers

    def count(self, weights: Floats, extra: Floats | None = None) -> tuple[Floats, Integers]:
        """The pages' probabilities (P, C), rows summing to one, and the winner's column (P,).

        weights: of the models, (M,) or per page (P, M), summing to one; a model's ballots share its weight. extra:
        (P, C) ballots of others, counted with the members'.
        """
        shares = weights[..., self.owners] / np.bincount(self.owners)[self.owners]
        scores = _weighted_sum(shares, self.ballots)
        means = scores if self.ballots is self.predictions else _weighted_sum(shares, self.predictions)
        if self.kind == "geometric":
            means = soften(scores)
            scores = means
        if extra is not None:
            scores = scores + extra
        return means, first_of(scores, means, self.predictions)


def tally(stack: MemberStack, kind: str, shift: Floats | None = None) -> Tally:
    """The ballots of a vote of this kind. shift: (C,), added to the logarithms of a geometric vote."""
    voters = stack.by_model() if kind in TWO_LEVELS else stack
    given = voters.probabilities
    if kind == "geometric":
        ballots = np.log(np.maximum(given, FLOOR)) + (0.0 if shift is None else shift)
    elif kind == "rank":
        from scipy.stats import rankdata  # takes a second to import

        ballots = rankdata(given, axis=2) / (given.shape[2] * (given.shape[2] + 1) / 2)
    elif kind in ("hard", "soft_hard"):
        ballots = first_guesses(given, given)
    elif kind == "hard_hard":
        counts = replace(stack, probabilities=first_guesses(stack.probabilities, given)).by_model().probabilities
        ballots = first_guesses(counts, given, given)
    else:
        ballots = given
    return Tally(kind, ballots, given, voters.owners)


def first_guesses(scores: Floats, pages: Floats, finer: Floats | None = None) -> Floats:
    """Ones (P, J, C) where a member's score (P, J, C) is the largest, by `finer` among equals; else zeros.

    pages (P, ...): see `first_of`.
    """
    count, members, classes = scores.shape
    flat = [part.reshape(-1, classes) for part in (scores, scores if finer is None else finer)]
    winners = first_of(flat[0], flat[1], pages)
    return np.eye(classes)[winners].reshape(count, members, classes)


def first_of(scores: Floats, finer: Floats, pages: Floats) -> Integers:
    """The column (P,) of the largest score (P, C), among equals of the largest `finer` (P, C), else drawn by lot.

    pages: numbers of each page, which decide its lot; a page may have several rows of scores, one below the other.
    """
    highest = scores >= scores.max(axis=1, keepdims=True) - TIE
    among = np.where(highest, finer, -np.inf)
    tied = among >= among.max(axis=1, keepdims=True) - TIE
    winners = np.asarray(tied.argmax(axis=1), dtype=np.int64)
    each = len(scores) // max(len(pages), 1)
    for row in np.flatnonzero(tied.sum(axis=1) > 1):
        winners[row] = derive_rng(0, "tied vote", pages[row // each].tobytes()).choice(np.flatnonzero(tied[row]))
    return winners


def answers_table(stack: MemberStack, means: Floats) -> pd.DataFrame:
    """One row a page: PAGE_KEYS and p_<target>."""
    return pd.concat([stack.pages, pd.DataFrame(means, columns=stack.columns)], axis=1)


def _weighted_sum(shares: Floats, values: Floats) -> Floats:
    """(P, C) of values (P, J, C), by shares (J,) or (P, J); ballot after ballot, so that a page's sum does not depend
    on how many pages there are."""
    total = np.zeros((values.shape[0], values.shape[2]))
    for ballot in range(values.shape[1]):
        total += shares[..., ballot, None] * values[:, ballot]
    return total
