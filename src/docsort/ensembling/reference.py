"""What new pages are compared with: how the pages looked, and were answered, that an ensemble was validated on.

Numbers only, and each column sorted by itself: which belong to one page cannot be told, so no page comes out of it. It
decides no answer, and an ensemble without it answers alike.

Legend of shapes: N pages of a set, C classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.arrays import Arrays
from docsort.ensembling.reliability import probabilities_of
from docsort.errors import StorageError
from docsort.seeding import derive_rng
from docsort.tables import judged, probability_columns

KEPT = 1000
"""Pages of a set whose numbers are kept, at most: enough to tell the 99.5th percentile."""

ANSWERED = ("confidence", "novelty", "answered")

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reference:
    """sets: of `training`, `test_like` and, where there are, `test` pages, each column's values (N,) ascending by its
    name in `images.appearance`; confidence, novelty: of the answers to the pages validated on, ascending, of the test
    images where there are some, else out of fold; answered (C,): pages by the class they were answered with.
    """

    sets: Mapping[str, Mapping[str, Floats]]
    confidence: Floats
    novelty: Floats
    answered: Floats

    @property
    def validated(self) -> dict[str, Floats]:
        """By name, the numbers that other pages should have, too: test images', or those of test-like pages."""
        nearest: dict[str, Floats] = {"confidence": self.confidence, "novelty": self.novelty}
        for name in ("training", "test_like", "test"):
            nearest |= {column: values for column, values in self.sets.get(name, {}).items() if len(values)}
        return nearest

    def to_arrays(self) -> Arrays:
        """By name, in single precision."""
        arrays: Arrays = {
            f"{name}/{column}": values.astype(np.float32)
            for name, columns in self.sets.items()
            for column, values in columns.items()
        }
        own = {name: getattr(self, name) for name in ANSWERED}
        return arrays | {f"answers/{name}": values.astype(np.float32) for name, values in own.items()}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> "Reference":
        """What `to_arrays` made. Raises StorageError for anything else."""
        sets: dict[str, dict[str, Floats]] = {}
        for key, values in sorted(arrays.items()):  # a file has no order
            name, _, column = key.partition("/")
            sets.setdefault(name, {})[column] = values.astype(np.float64)
        answers = sets.pop("answers", {})
        if set(answers) != set(ANSWERED) or not {"training", "test_like"} <= set(sets):
            raise StorageError("Expected the numbers that new pages are compared with, but they are not whole.")
        return cls(sets, **answers)


def build_reference(appearance: pd.DataFrame, answers: pd.DataFrame, oof_votes: pd.DataFrame, seed: int) -> Reference:
    """appearance: columns `set` and those of `images.appearance`; answers: ANSWERS and p_<target> of the test images,
    as the finished ensemble answers them; where there are none the test-like pages out of fold stand for them, whose
    novelty is that of held-out pages: evenly spread. oof_votes: calibrated VOTES.
    """
    rng = derive_rng(seed, "reference")
    measures = [name for name in appearance.columns if name != "set"]
    sets = {
        str(name): {column: sorted_sample(own[column].to_numpy(), rng) for column in measures}
        for name, own in appearance.groupby("set")
    }
    seen = judged(oof_votes, "validation votes")
    readable = answers[answers[probability_columns(answers)].notna().all(axis=1)]
    told = readable if len(readable) else seen.assign(novelty=np.linspace(0, 1, len(seen)))
    given = probabilities_of(told).argmax(axis=1)
    return Reference(
        sets,
        sorted_sample(told["confidence"].to_numpy(), rng),
        sorted_sample(told["novelty"].to_numpy(), rng),
        np.bincount(given, minlength=len(probability_columns(seen))).astype(np.float64),
    )


def sorted_sample(values: NDArray[np.floating], rng: np.random.Generator) -> Floats:
    """(N,) ascending, at most KEPT of them, without those that are missing."""
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    return np.sort(known if len(known) <= KEPT else rng.choice(known, KEPT, replace=False))
