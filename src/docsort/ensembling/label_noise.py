"""How many of the held-out pages' labels are wrong, and what the true label of each may be.

A page whose label a sure answer contradicts has either a wrong label or a wrong answer. Confident learning (Northcutt,
Jiang & Chuang, "Confident learning: estimating uncertainty in dataset labels", JAIR 2021) counts such pages by how sure
answers are, and so believes the answers. Here mistakes of both kinds are estimated together. The true label is drawn
from the out-of-fold answers, sharpened or flattened. It is then given wrongly with one chance: as any other class, or,
for a share of the wrong labels, as a class that looks like it. Which look alike the answers say: those that the same
pages speak for. Mistakes of the answers thin out as these grow surer, wrong labels do not; what is left of
contradiction among the surest pages is the wrong labels. Both conditions speak: clean pages tell better who is wrong,
test-like ones are other pictures of the same source. Nothing is maximised: all settings of a grid count by how likely
they make the labels (a posterior), so that what the labels cannot tell stays open. Of answers no better than chance
nothing is learnt.

A page that a person has judged (the label ledger) is known: its label is right, and what was given before tells about
the others.

Answers of a weak member that are too sure among look-alikes are in part taken for wrong labels; docs/experiments.md has
by how much.

Legend of shapes: N sources, C classes, P settings of how answers are read, E chances of a wrong label.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.cleaning.ledger import full_ids
from docsort.ensembling.reliability import Floats, Integers, places_of, probabilities_of, soften
from docsort.errors import InputError, listing
from docsort.tables import CONDITIONS, LABEL_BELIEFS, probability_columns, targets_of

CHANCES = np.concatenate([[0.0], np.geomspace(0.0025, 0.4, 24)])
"""Of a wrong label, that are compared. Beyond, labels mean nothing."""

EXPECTED_CHANCE = 1 / 30
"""Mean of the beta distribution that chances are drawn from before labels are seen: what was found in ten well-known
test sets (Northcutt, Athalye & Mueller, "Pervasive label errors in test sets", NeurIPS 2021). It falls from zero on."""

SHARES_OF_CLEAN = (0.0, 0.25, 0.5, 0.75, 1.0)
SHARPNESSES = (0.0, *np.geomspace(0.2, 5.0, 15).tolist())
"""Log-probabilities of both conditions, weighed, are multiplied by it; 0 asks no answer at all."""

SHARES_OF_ALIKE = (0.0, 0.5, 0.9)
"""Of the wrong labels, that are of classes which look like the true one; the others are any other class alike."""

SETTINGS = tuple(product(SHARES_OF_CLEAN, SHARPNESSES, SHARES_OF_ALIKE))
"""Ways to read the answers that are compared, one of each."""

NEGLIGIBLE = 1e-9
"""Cells of the grid that hold less of the posterior are not looked at: together less than a hundred-thousandth."""

FLOOR = 1e-4
"""Smaller probabilities count as it: one condition alone cannot be surer."""

JUDGED = ("keep", "relabel")
"""Actions of the ledger by which a person says what a page is."""


@dataclass(frozen=True, eq=False)
class Sources:
    """image_ids (N,), ascending; logs (2, N, C): mean log-probabilities of clean and of test-like answers, out of fold;
    labels (N,), places of classes, as they stand; first (N,), as they were given; known (N,): judged by a person.
    """

    image_ids: NDArray[np.str_]
    logs: Floats
    labels: Integers
    first: Integers
    known: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LabelNoise:
    """likely (P, E): the posterior of the grid, summing to one; belief (N, C): the distribution of each true label."""

    sources: Sources
    likely: Floats
    belief: Floats

    @property
    def wrong(self) -> float:
        """Expected share of the labels, as they stand, that are wrong, in [0, 1]."""
        return 1 - float(self.belief[np.arange(len(self.belief)), self.sources.labels].mean())

    def draw(self, count: int, rng: np.random.Generator) -> Integers:
        """(count, N) true labels, places of classes: each row under one setting, the likelier the more often."""
        cells, rows = np.unique(rng.choice(self.likely.size, count, p=self.likely.ravel()), return_inverse=True)
        drawn = np.empty((count, len(self.belief)), dtype=np.int64)
        for number, cell in enumerate(cells):
            setting, chance = divmod(int(cell), len(CHANCES))
            bounds = _posterior(_read(self.sources, *SETTINGS[setting]), self.sources, CHANCES[chance]).cumsum(axis=1)
            for row in np.flatnonzero(rows == number):
                drawn[row] = (bounds > rng.random((len(bounds), 1)) * bounds[:, -1:]).argmax(axis=1)
        return drawn

    def table(self, columns: list[str]) -> pd.DataFrame:
        """LABEL_BELIEFS. columns: of the probabilities, classes ascending."""
        found = pd.DataFrame(self.belief, columns=columns).assign(image_id=self.sources.image_ids)
        return found[[*LABEL_BELIEFS, *columns]]

    def rows_of(self, image_ids: pd.Series) -> Integers:
        """Where each of the ids stands among the sources."""
        return np.searchsorted(self.sources.image_ids, image_ids.to_numpy(dtype=str))


def gather_sources(oof_votes: pd.DataFrame, clean_images: pd.DataFrame, ledger: pd.DataFrame) -> Sources:
    """From VOTES of both conditions out of fold, the table CLEAN_IMAGES, and the label ledger, decisions of a person.

    Raises InputError where a source has no page of a condition.
    """
    columns = probability_columns(oof_votes)
    logs = pd.DataFrame(np.log(np.maximum(probabilities_of(oof_votes), FLOOR)), columns=columns)
    keys = [oof_votes[name].to_numpy(dtype=str) for name in ("condition", "image_id")]
    means, ids = logs.groupby(keys).mean(), np.unique(keys[1])
    parts = [means.reindex(pd.MultiIndex.from_product([[condition], ids])).to_numpy() for condition in CONDITIONS]
    lacking = np.isnan(parts).any(axis=(0, 2))
    if lacking.any():
        raise InputError(
            f"Expected clean and test-like answers of every source, but {lacking.sum()} have not both: "
            f"{listing(ids[lacking])}; run the training pipeline again."
        )
    images = clean_images.set_index(clean_images["image_id"].astype(str)).loc[ids.tolist()]
    judged = ledger.loc[ledger["action"].isin(JUDGED), "image_id"].astype(str)
    known = np.isin(ids, judged.map(full_ids(clean_images)).dropna().to_numpy(dtype=str))
    labels, first = (places_of(images[name], targets_of(columns)) for name in ("label", "given_label"))
    return Sources(ids, np.stack(parts), labels, first, known)


def truth_of_pages(votes: pd.DataFrame, beliefs: pd.DataFrame) -> Floats:
    """(N, C) what the pages of VOTES are believed to be; beliefs: LABEL_BELIEFS. Raises InputError for a page of a
    source that is not among them.
    """
    rows = pd.Index(beliefs["image_id"].astype(str)).get_indexer(pd.Index(votes["image_id"].astype(str)))
    if (rows < 0).any():
        raise InputError(
            f"Expected what is believed of every page's label, but of {(rows < 0).sum()} pages nothing is there; run "
            "the ensembling pipeline again."
        )
    return probabilities_of(beliefs)[rows]


def estimate_label_noise(sources: Sources) -> LabelNoise:
    """Weighs all settings by how likely they make the labels, and averages what they say of each page."""
    logs = np.stack([_log_likelihood(_read(sources, *setting), sources) for setting in SETTINGS])
    spacing, falling = np.gradient(CHANCES), (1 - EXPECTED_CHANCE) / EXPECTED_CHANCE - 1
    likely = soften((logs + np.log(spacing) + falling * np.log1p(-CHANCES)).ravel()).reshape(logs.shape)
    belief = np.zeros(sources.logs.shape[1:])
    for setting in np.flatnonzero(likely.max(axis=1) > NEGLIGIBLE):
        reading, row = _read(sources, *SETTINGS[setting]), likely[setting]  # again: of many pages, all do not fit
        for chance in np.flatnonzero(row > NEGLIGIBLE):
            belief += row[chance] * _posterior(reading, sources, CHANCES[chance])
    return LabelNoise(sources, likely, belief / belief.sum(axis=1, keepdims=True))


@dataclass(frozen=True, eq=False)
class _Reading:
    """One way to read the answers. truth (N, C): their probabilities; mistaken (C, C): rows of true classes, the chance
    of each other class to be given, once a label is wrong."""

    truth: Floats
    mistaken: Floats


def _read(sources: Sources, share_of_clean: float, sharpness: float, share_of_alike: float) -> _Reading:
    """The answers under a setting of the grid. Classes look alike where the same pages speak for both."""
    weights = np.array([share_of_clean, 1 - share_of_clean])
    truth = soften(sharpness * np.tensordot(weights, sources.logs, axes=1))
    any_other = 1 - np.eye(truth.shape[1])
    alike = truth.T @ truth * any_other
    shares = [table / np.maximum(table.sum(axis=1, keepdims=True), 1e-300) for table in (any_other, alike)]
    return _Reading(truth, (1 - share_of_alike) * shares[0] + share_of_alike * shares[1])


def _log_likelihood(reading: _Reading, sources: Sources) -> Floats:
    """(E,) of the labels that were given."""
    rows, known, first, labels = np.arange(len(sources.first)), sources.known, sources.first, sources.labels
    right, wrong = (table[rows, first] for table in (reading.truth, reading.truth @ reading.mistaken))
    free = np.log((1 - CHANCES[:, None]) * right[~known] + CHANCES[:, None] * wrong[~known] + 1e-300)
    changed = known & (labels != first)
    kept = int(known.sum() - changed.sum())
    mistaken = np.log(CHANCES[:, None] * reading.mistaken[labels[changed], first[changed]] + 1e-300)
    truth = np.log(reading.truth[rows, labels][known] + 1e-300)
    return np.asarray(free.sum(axis=1) + kept * np.log1p(-CHANCES) + mistaken.sum(axis=1) + truth.sum())


def _posterior(reading: _Reading, sources: Sources, chance: float) -> Floats:
    """(N, C) of the true labels, given the labels and the answers as they are read."""
    rows = np.arange(len(reading.truth))
    joint = chance * reading.truth * reading.mistaken[:, sources.first].T
    joint[rows, sources.first] = (1 - chance) * reading.truth[rows, sources.first]
    joint[sources.known] = 0
    joint[sources.known, sources.labels[sources.known]] = 1
    return np.asarray(joint / joint.sum(axis=1, keepdims=True))


def describe_label_noise(noise: LabelNoise, drawn: Integers, confidence: float) -> dict[str, Any]:
    """`share` of the labels, as they stand, that are wrong: `value`, `low`, `high`, in [0, 1]; and how many pages were
    `judged` by a person. drawn: of `LabelNoise.draw`.
    """
    wrong = (drawn != noise.sources.labels).mean(axis=1)
    low, high = np.quantile(wrong, [(1 - confidence) / 2, (1 + confidence) / 2])
    share = {"value": noise.wrong, "low": float(low), "high": float(high)}
    return {"share": share, "judged": int(noise.sources.known.sum())}
