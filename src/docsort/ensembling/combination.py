"""The arithmetic of votes: from the members' probabilities to one distribution and one winner a page.

Kinds of vote. One level, over all members: `soft` (mean), `geometric` (mean of logarithms, normalised: a member that
rules a class out is heard), `rank` (Borda counts: how high a member places a class, not how sure it is), `hard` (first
guesses). Two levels, over a model's folds and then over the models: `soft_soft`, `soft_hard` (each model's mean casts
one ballot) and `hard_hard`. Out of fold a model has one member a page, so there the levels fall together: `soft_soft`
answers as `soft`, the other two as `hard`.

Equal counts go to the larger mean probability, and where that is equal too the lot decides, drawn from the page's id:
nothing ever goes to a class for its number.

Legend of shapes: P pages, K members, M models, J ballots a page (K, or M in two levels), C classes.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from docsort.ensembling.members import MemberStack
from docsort.seeding import derive_rng

COUNTED = ("rank", "hard", "soft_hard", "hard_hard")
"""Kinds in which opinions are turned into ballots before they are added up; the others are means."""

TWO_LEVELS = ("soft_soft", "soft_hard", "hard_hard")

TIE = 1e-12
"""Scores this near are equal: sums of the same weights in another order."""

FLOOR = 1e-9
"""Probabilities below count as this much in a geometric mean: one member alone cannot rule a class out."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Tally:
    """What is added up. ballots, opinions (P, J, C): what each says in the coin of the vote, and as probabilities;
    owners (J,): the model that each belongs to, an index into the sorted names; pages (P,): render ids, for the lot.
    """

    kind: str
    ballots: Floats
    opinions: Floats
    owners: Integers
    pages: NDArray[np.object_]

    def rows(self, chosen: NDArray[np.bool_]) -> "Tally":
        """The same of some pages only."""
        ballots, same = self.ballots[chosen], self.ballots is self.opinions
        return replace(
            self, ballots=ballots, opinions=ballots if same else self.opinions[chosen], pages=self.pages[chosen]
        )

    def count(self, weights: Floats, extra: Floats | None = None) -> tuple[Floats, Integers]:
        """The pages' probabilities (P, C), rows summing to one, and the winner's column (P,).

        weights: of the models, (M,) or a page (P, M), summing to one; a model's ballots share its weight. extra: (P, C)
        ballots of others, counted with the members'.
        """
        shares = weights[..., self.owners] / np.bincount(self.owners)[self.owners]
        subscripts = "j,pjc->pc" if weights.ndim == 1 else "pj,pjc->pc"
        scores = np.einsum(subscripts, shares, self.ballots)
        means = scores if self.ballots is self.opinions else np.einsum(subscripts, shares, self.opinions)
        if self.kind == "geometric":
            means = _softmax(scores)
            scores = means
        if extra is not None:
            scores = scores + extra
        return means, first_of(scores, means, self.pages)


def tally(stack: MemberStack, kind: str) -> Tally:
    """The ballots of a vote of this kind."""
    opinions = stack.by_model() if kind in TWO_LEVELS else stack
    given, pages = opinions.probabilities, stack.pages["render_id"].to_numpy(object)
    if kind == "geometric":
        ballots = np.log(np.maximum(given, FLOOR))
    elif kind == "rank":
        ballots = rankdata(given, axis=2) / (given.shape[2] * (given.shape[2] + 1) / 2)
    elif kind in ("hard", "soft_hard"):
        ballots = first_guesses(given, pages)
    elif kind == "hard_hard":
        counts = replace(stack, probabilities=first_guesses(stack.probabilities, pages)).by_model().probabilities
        ballots = first_guesses(counts, pages, given)
    else:
        ballots = given
    return Tally(kind, ballots, given, opinions.owners, pages)


def first_guesses(scores: Floats, pages: NDArray[np.object_], finer: Floats | None = None) -> Floats:
    """Ones (P, J, C) where a member's score (P, J, C) is the largest, by `finer` among equals; else zeros."""
    count, members, classes = scores.shape
    flat = [part.reshape(-1, classes) for part in (scores, scores if finer is None else finer)]
    winners = first_of(flat[0], flat[1], np.repeat(pages, members))
    return np.eye(classes)[winners].reshape(count, members, classes)


def first_of(scores: Floats, finer: Floats, pages: NDArray[np.object_]) -> Integers:
    """The column (P,) of the largest score (P, C), among equals of the largest `finer` (P, C), else drawn by lot."""
    highest = scores >= scores.max(axis=1, keepdims=True) - TIE
    among = np.where(highest, finer, -np.inf)
    tied = among >= among.max(axis=1, keepdims=True) - TIE
    winners = np.asarray(tied.argmax(axis=1), dtype=np.int64)
    for row in np.flatnonzero(tied.sum(axis=1) > 1):
        winners[row] = derive_rng(0, "tied vote", pages[row]).choice(np.flatnonzero(tied[row]))
    return winners


def answers_table(stack: MemberStack, means: Floats) -> pd.DataFrame:
    """One row a page: PAGE_KEYS and p_<target>."""
    return pd.concat([stack.pages, pd.DataFrame(means, columns=stack.columns)], axis=1)


def _softmax(logs: Floats) -> Floats:
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
