"""Which of many experiments are really better, and which is the simplest that is not worse.

All are scored on the same bootstrap draws of source groups, on the held-out test-like pages that each of them has
answered out of fold. Who leads among many leads by luck too, so every pair is compared at once: the largest studentized
difference of all pairs has a bootstrap distribution of its own, and its quantile takes the place of the usual 1.96
(single-step max-T; Westfall & Young, "Resampling-Based Multiple Testing", 1993; Hothorn, Bretz & Westfall,
"Simultaneous inference in general parametric models", Biometrical Journal 2008). All intervals together then hold in
`confidence` of all draws, also for a pair that was picked because it looked best.

What is not shown to be worse may still be worse. So the simplest is looked for only among those whose score is less
than one standard error of the difference behind the leader's (Breiman et al., "Classification and Regression Trees",
1984, section 3.4.3).

Legend of shapes: N pages, K experiments, B bootstrap draws.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.errors import InputError
from docsort.metrics import macro_f1, paired_draws
from docsort.tables import judged, probability_columns, targets_of, values_of

DRAWS, CONFIDENCE = 2000, 0.95
PAGE = ["image_id", "copy"]
TINY = 1e-9
"""Below it a difference does not vary at all."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """The leader's macro-F1 less another's. error: standard error; low, high: interval that holds together with those
    of all other pairs."""

    delta: float
    error: float
    low: float
    high: float

    @property
    def is_better(self) -> bool:
        """Whether the leader is really better."""
        return self.low > 0


@dataclass(frozen=True)
class Comparison:
    """leader: name of the experiment with the best score on the pages that all have answered; others: by name, the
    leader less them; pages: how many; critical: how many standard errors an interval is wide to either side."""

    leader: str
    scores: Mapping[str, float]
    others: Mapping[str, Difference]
    pages: int
    critical: float

    @property
    def worse(self) -> list[str]:
        """Those that the leader is really better than, the worst last."""
        found = [name for name, one in self.others.items() if one.is_better]
        return sorted(found, key=lambda name: self.others[name].delta)

    @property
    def as_good(self) -> list[str]:
        """The leader, and those that nobody can tell from it."""
        return [self.leader, *(name for name in self.others if not self.others[name].is_better)]

    def simplest(self, cost: Mapping[str, float]) -> str:
        """The cheapest that is not shown to be worse and is less than one standard error behind, of equals the one with
        the best score. cost: by name."""
        near = [name for name in self.as_good if name == self.leader or self._is_near(self.others[name])]
        return min(near, key=lambda name: (cost[name], -self.scores[name]))

    @staticmethod
    def _is_near(other: Difference) -> bool:
        return other.delta <= max(other.error, TINY)


def compare(tables: Mapping[str, pd.DataFrame], seed: int, draws: int = DRAWS) -> Comparison:
    """tables: `oof_votes` by name of the experiment, of the same photos; a page counts where all have answered it and
    give it the same label. Raises InputError for no experiments, or no page that all have answered.
    """
    if not tables:
        raise InputError("Expected a finished experiment to compare, but there is none; wait until one has finished.")
    pages, answers = _aligned(tables)
    names = list(tables)
    scores = _scores(pages, answers, seed, draws)
    means, leader = scores[0], int(np.argmax(scores[0]))
    critical = _critical(scores)
    spread = scores[1:, [leader]] - scores[1:]
    errors = spread.std(axis=0, ddof=1)
    others = {
        name: Difference(
            delta := float(means[leader] - means[k]),
            float(errors[k]),
            delta - critical * float(errors[k]),
            delta + critical * float(errors[k]),
        )
        for k, name in enumerate(names)
        if k != leader
    }
    told = dict(zip(names, means.tolist(), strict=True))
    return Comparison(names[leader], told, others, len(pages), critical)


def _aligned(tables: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame, list[NDArray[np.int64]]]:
    """The pages that all have answered (image_id, copy, group, label), and each one's answers (N,) to them."""
    found: pd.DataFrame | None = None
    answers = []
    for number, table in enumerate(tables.values()):
        seen = judged(table, "out-of-fold votes")
        columns = probability_columns(seen)
        chosen = np.array(targets_of(columns))[values_of(seen, columns).argmax(axis=1)]
        own = seen[[*PAGE, "label"]].assign(**{f"answer_{number}": chosen})
        own = own.assign(group=seen["group"].astype(str)) if found is None else own
        found = own if found is None else found.merge(own, on=[*PAGE, "label"], how="inner", validate="one_to_one")
    assert found is not None
    if found.empty:
        raise InputError(
            f"Expected experiments on the same photos, but {', '.join(tables)} have no page in common; compare those "
            "of one data set."
        )
    found = found.sort_values(PAGE, kind="stable", ignore_index=True)
    answers = [found[f"answer_{number}"].to_numpy(np.int64) for number in range(len(tables))]
    return found[[*PAGE, "group", "label"]], answers


def _scores(pages: pd.DataFrame, answers: Sequence[NDArray[np.int64]], seed: int, draws: int) -> Floats:
    """Macro-F1 (1 + B, K), the first row on the pages as they are."""
    labels = pages["label"].to_numpy(np.int64)
    whole = np.array([[macro_f1(labels, own) for own in answers]])
    return np.concatenate([whole, paired_draws(labels, answers, pages["group"], draws, seed)])


def _critical(scores: Floats) -> float:
    """The quantile of the largest |studentized difference| of all pairs; 0 for one experiment alone."""
    means, drawn = scores[0], scores[1:]
    largest = np.zeros(len(drawn))
    for k in range(scores.shape[1] - 1):
        deltas = drawn[:, [k]] - drawn[:, k + 1 :]
        errors = deltas.std(axis=0, ddof=1)
        off = np.abs(deltas - (means[k] - means[k + 1 :]))
        largest = np.maximum(largest, np.divide(off, errors, out=np.zeros_like(off), where=errors > TINY).max(axis=1))
    return float(np.quantile(largest, CONFIDENCE))
