"""Whether the pages of some days are like those that the ensemble was validated on, measure by measure.

Two questions, each of every measure and period. Are they *another mix*? Asked by the Kolmogorov-Smirnov test, whose
distance a person can understand, too: at some value the shares of pages below it differ most. Are they *outside* of
anything learnt: beyond the middle 99 % of the training pages, of the test-like pages and of the test images, more often
than by chance (binomial test)? And of each class: is it answered more or less often (Fisher's exact test)?

So many questions find something by luck. All their p-values are corrected together (Holm, "A simple sequentially
rejective multiple test procedure", Scandinavian Journal of Statistics 1979): where nothing has changed, a watch says
anything at all at most one time in twenty. And what is too small to matter is not told, however sure.

Pages count as if drawn one by one; a day of one long document is a day of one kind of page, and is told as such.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docsort.ensembling.reference import Reference
from docsort.images.appearance import APPEARANCE
from docsort.watching.pages import Period

LEVEL = 0.05
"""How often a watch of unchanged pages may say anything."""

LEAST_DISTANCE = 0.15
"""Kolmogorov-Smirnov distance below which a change is too small to tell: 15 pages of 100 lie elsewhere."""

LEAST_OUTSIDE = 0.05
"""Share of a period's pages below which those outside are too few to tell."""

OUTSIDE_BY_CHANCE = 0.02
"""Share beyond one end that is believed of unchanged pages: .005 by definition, more as the ends are of few pages."""

EDGE = 0.005
"""The share of a set's pages beyond each of its ends."""

SIZE_MARGIN = float(np.log(2))
"""Photos of one job are often stored alike: those are outside that are half, or twice, as large as any."""

LEAST_SHARE = 0.05
"""By which a class must have become more or less frequent to be told."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Change:
    """What was found of one measure in one period. kind: `outside`, `mix` or `class`, whose measure is the
    place of the class; upward: whether values are higher; share: of the period's pages beyond `value`, or answered so;
    usual: the same of the pages validated on; size: what it is ordered by, 0 to 1.
    """

    measure: str
    kind: str
    period: int
    upward: bool
    share: float
    usual: float
    value: float

    @property
    def size(self) -> float:
        return self.share if self.kind == "outside" else abs(self.share - self.usual)


def find_changes(reference: Reference, periods: Sequence[Period]) -> list[Change]:
    """All that is sure and large enough to be told, by period."""
    asked = [found for number, period in enumerate(periods) for found in _ask(reference, number, period)]
    kept = holm(np.array([chance for chance, _ in asked]), LEVEL)
    return [change for (_, change), sure in zip(asked, kept, strict=True) if sure and is_large(change)]


def is_large(change: Change) -> bool:
    """Whether a person would want to know of it, were it sure."""
    least = {"outside": LEAST_OUTSIDE, "mix": LEAST_DISTANCE, "class": LEAST_SHARE}
    return change.size >= least[change.kind]


def limits_of(reference: Reference, measure: str) -> tuple[float, float]:
    """The values beyond which a page is outside of anything learnt: below the lowest, above the highest end of any set
    of pages; novelty has no
    lower end, and its upper one is that of the pages validated on: it is a mean over folds, which a share of held-out
    pages alone would not tell. For confidence there are none."""
    if measure == "confidence":
        return -np.inf, np.inf
    if measure == "novelty":
        return -np.inf, float(np.quantile(reference.novelty, 1 - 2 * EDGE)) if len(reference.novelty) else np.inf
    known = [own[measure] for own in reference.sets.values() if len(own[measure])]
    ends = [np.quantile(values, (EDGE, 1 - EDGE)) for values in known]
    margin = SIZE_MARGIN if measure == "size" else 0.0
    return float(min(low for low, _ in ends)) - margin, float(max(high for _, high in ends)) + margin


def outside(reference: Reference, period: Period) -> NDArray[np.bool_]:
    """(N,) which pages are outside of anything learnt in some measure."""
    found = np.zeros(len(period), dtype=bool)
    for name in (*APPEARANCE, "novelty"):
        low, high = limits_of(reference, name)
        found |= (period.values[name] < low) | (period.values[name] > high)  # False where it is missing
    return found


def holm(chances: Floats, level: float) -> NDArray[np.bool_]:
    """(T,) which of the p-values are below the level when all are corrected together."""
    order = np.argsort(chances, kind="stable")
    passed = chances[order] <= level / np.arange(len(chances), 0, -1)
    kept = np.zeros(len(chances), dtype=bool)
    kept[order[: len(passed) if passed.all() else int(passed.argmin())]] = True
    return kept


def _ask(reference: Reference, number: int, period: Period) -> Iterator[tuple[float, Change]]:
    """The p-value of each question about a period, and what to tell if it is sure."""
    for name, usual in reference.validated.items():
        values = period.known(name)
        if len(values) and len(usual):
            yield _mix(name, number, values, usual)
            yield from _outside(reference, name, number, values, usual)
    yield from _classes(reference, number, period)


def _mix(name: str, number: int, values: Floats, usual: Floats) -> tuple[float, Change]:
    from scipy.stats import ks_2samp

    found = ks_2samp(values, usual, method="asymp")
    place, upward = float(found.statistic_location), found.statistic_sign < 0
    share, before = (float((each > place).mean() if upward else (each <= place).mean()) for each in (values, usual))
    return float(found.pvalue), Change(name, "mix", number, bool(upward), share, before, place)


def _outside(
    reference: Reference, name: str, number: int, values: Floats, usual: Floats
) -> Iterator[tuple[float, Change]]:
    from scipy.stats import binomtest

    for upward, limit in enumerate(limits_of(reference, name)):
        if np.isfinite(limit):
            beyond, before = ((each > limit) if upward else (each < limit) for each in (values, usual))
            expected = max(OUTSIDE_BY_CHANCE, float(before.mean()))
            chance = binomtest(int(beyond.sum()), len(values), expected, alternative="greater").pvalue
            shares = float(beyond.mean()), float(before.mean())
            yield float(chance), Change(name, "outside", number, bool(upward), *shares, limit)


def _classes(reference: Reference, number: int, period: Period) -> Iterator[tuple[float, Change]]:
    from scipy.stats import fisher_exact

    counts, usual = np.bincount(period.answers, minlength=len(reference.answered)), reference.answered
    for place, (own, before) in enumerate(zip(counts, usual, strict=True)):
        table = [[own, counts.sum() - own], [before, usual.sum() - before]]
        share, share_before = own / max(counts.sum(), 1), before / max(usual.sum(), 1)
        change = Change(str(place), "class", number, bool(share > share_before), float(share), float(share_before), 0.0)
        yield float(fisher_exact(np.asarray(table, dtype=np.int64)).pvalue), change
