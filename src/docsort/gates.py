"""The gate: what is chosen on some folds is judged on the others, and joins only where its interval is above zero.

Whatever is chosen by its score on some pages looks better there than elsewhere. So each fold's pages are answered by
what was chosen on the pages of all other folds (nested cross-validation; Varma & Simon, "Bias in error estimation when
using cross-validation for model selection", BMC Bioinformatics 2006), and the gain of these answers, with its bootstrap
interval over source groups, decides. What is used on new pages is what was chosen on all folds.

It does not know how what was chosen came about: predictions that were fitted to the page that they are of are not made
honest here. Nor does it count how many methods ask; who judges several asks for more confidence.

Legend of shapes: N pages.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from docsort.errors import InputError
from docsort.metrics import mean_bootstrap, paired_bootstrap

Choice = TypeVar("Choice")
Scalar = TypeVar("Scalar", bound=np.generic)
Rows = NDArray[np.bool_]
"""(N,) which pages are meant."""


@dataclass(frozen=True)
class CrossFit(Generic[Choice, Scalar]):
    """fitted: chosen on all pages; by_fold: for each fold, ascending, what was chosen on all others; nested: (N, ...)
    what that makes of each fold's own pages, in the order of the pages."""

    fitted: Choice
    by_fold: dict[int, Choice]
    nested: NDArray[Scalar]


def cross_fit(
    folds: ArrayLike, fit: Callable[[Rows], Choice], apply: Callable[[Choice, Rows], NDArray[Scalar]]
) -> CrossFit[Choice, Scalar]:
    """Chooses for each fold on the pages of the others, and applies that to its own.

    folds: (N,) the fold that held each page out; fit: chooses on the given pages; apply: the values (n, ...) of the n
    given pages, in their order. Raises InputError for pages of fewer than two folds.
    """
    held_out = np.asarray(folds, dtype=np.int64)
    own = {int(fold): held_out == fold for fold in np.unique(held_out)}
    if len(own) < 2:
        raise InputError(
            "Expected pages of at least two folds, so that what is chosen on some can be judged on others, but got "
            f"{len(own)}; run the training of every fold."
        )
    by_fold = {fold: fit(~rows) for fold, rows in own.items()}
    parts = np.concatenate([apply(by_fold[fold], rows) for fold, rows in own.items()])
    nested = np.empty_like(parts)
    nested[np.argsort(held_out, kind="stable")] = parts
    return CrossFit(fit(np.ones(len(held_out), dtype=bool)), by_fold, nested)


@dataclass(frozen=True)
class Gain:
    """delta: what a method gains, positive being better; low, high: its interval that holds in `confidence`, in (0, 1),
    of all draws."""

    delta: float
    low: float
    high: float
    confidence: float

    @property
    def accepted(self) -> bool:
        """Whether the whole interval lies above zero."""
        return self.low > 0

    def verdict(self, of: str) -> str:
        """Whether it is accepted, and why; of: whose gain it is."""
        return f"{'accepted' if self.accepted else 'rejected'}: {self.in_words(of)}"

    def in_words(self, of: str) -> str:
        """Where the interval lies."""
        place = "lies above zero" if self.accepted else "lies below zero" if self.high < 0 else "holds zero"
        return f"the {self.confidence * 100:.4g} % interval of {of}, {self.low:+.4f} to {self.high:+.4f}, {place}"


def macro_f1_gain(
    labels: ArrayLike,
    before: ArrayLike,
    after: ArrayLike,
    groups: ArrayLike,
    draws: int,
    seed: int,
    confidence: float,
) -> Gain:
    """In macro-F1, of the answers `after` over the answers `before`, all (N,)."""
    return Gain(*paired_bootstrap(labels, before, after, groups, draws, seed, confidence), confidence)


def loss_gain(
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    groups: ArrayLike,
    draws: int,
    seed: int,
    confidence: float,
) -> Gain:
    """By how much smaller the mean of the losses `after` is than that of the losses `before`, both (N,)."""
    return Gain(*mean_bootstrap(before - after, groups, draws, seed, confidence), confidence)
