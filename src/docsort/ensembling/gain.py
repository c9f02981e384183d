"""What averaging the folds' models is worth on the test images, measured without a label.

Out of fold a page is answered by one model, on test images by the mean of all: the out-of-fold score promises too
little. How much less the mean errs than its members is known exactly for the Brier score: by the spread of the members
around it (the ambiguity decomposition of Krogh & Vedelsby, "Neural network ensembles, cross validation, and active
learning", NIPS 1994). So the Brier score of the mean is the members', measured out of fold on test-like pages and moved
by what they expect of themselves on either, less their spread, measured on the test images.

Members are calibrated first, by the one temperature under which they are calibrated out of fold: the mean of a sure
and of a vague model is underconfident, and so would its spread be.

What that means for macro-F1 is read from a distribution over the unknown labels: the mean's probabilities, sharpened or
flattened by one temperature, so chosen that under it the mean has just that Brier score. The gain is the expected score
of the mean less that of the members' answers put together, so that what the distribution gets wrong for both falls out.
Put together, because so they are out of fold, each fifth of the pages answered by another member: what one of them
overlooks another finds, and their macro-F1 is better than its mean over the members.

The same calibrated members also tell how much harder or easier the test images are for them than the test-like pages:
by the score that they expect of themselves on either (difference of confidences; Guillory et al., "Predicting with
confidence on unseen distributions", ICCV 2021). Damage that was not fitted shows there, and so does the luck of which
pages are asked.

Legend of shapes: M members, N test images, C classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from docsort.ensembling.label_noise import LabelNoise
from docsort.ensembling.reliability import Floats, Integers, certain_truth, temper
from docsort.ensembling.temperature import fit_temperature
from docsort.ensembling.votes import VotePlan, fold_votes
from docsort.errors import InputError
from docsort.metrics import mean_over_members
from docsort.tables import judged, probability_columns

TEMPERATURES = np.geomspace(0.05, 8.0, 400)
"""Searched for the one that fits; below 1 sharpens."""


class AnsweredPages:
    """Test images as M members answered them: probabilities (M, N, C)."""

    def __init__(self, members: Floats) -> None:
        self.members, self.mean = members, members.mean(axis=0)
        self.spread = np.square(members - self.mean).sum(axis=2).mean(axis=0)
        squares = np.square(self.mean).sum(axis=1)
        crosses = np.stack([(self.mean * temper(self.mean, t)).sum(axis=1) for t in TEMPERATURES])
        self.briers = squares - 2 * crosses + 1  # (T, N): expected, were labels drawn at that temperature

    def __len__(self) -> int:
        return len(self.mean)

    def gain(self, brier_member: float, weights: ArrayLike = 1.0) -> dict[str, float]:
        """From the Brier score of one member, in [0, 2], on pages like these; weights (N,) of the pages."""
        own = np.broadcast_to(np.asarray(weights, dtype=np.float64), (len(self),))
        spread = float(np.average(self.spread, weights=own))
        expected = self.briers @ own / own.sum()
        temperature = float(TEMPERATURES[int(np.abs(expected - (brier_member - spread)).argmin())])
        belief = temper(self.mean, temperature) * own[:, None]
        together, alone = self.mean.argmax(axis=1), self.members.argmax(axis=2).ravel()
        as_often = np.tile(belief, (len(self.members), 1))
        return {
            "macro_f1": expected_macro_f1(belief, together) - expected_macro_f1(as_often, alone),
            "accuracy": expected_accuracy(belief, together) - expected_accuracy(as_often, alone),
            "brier_member": brier_member,
            "spread": spread,
            "temperature": temperature,
        }


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Test-like pages, in the order of their render ids, as one fold's members answered them: probabilities (H, C);
    truth (H, C): what is believed of their labels; groups (H,) of sources."""

    probabilities: Floats
    truth: Floats
    groups: NDArray[np.str_]

    @property
    def briers(self) -> Floats:
        """(H,) Brier scores, in [0, 2], as far as labels are known."""
        crosses = (self.probabilities * self.truth).sum(axis=1)
        return np.asarray(np.square(self.probabilities).sum(axis=1) - 2 * crosses + 1)

    def expected_macro_f1(self, weights: Floats) -> float:
        """Of the likeliest answers, if they are right as often as they say; weights (H,) of the pages."""
        return expected_macro_f1(self.probabilities * weights[:, None], self.probabilities.argmax(axis=1))


@dataclass(frozen=True, eq=False)
class EnsembleGain:
    """What the mean of the members gains over one of them, and how the test images differ from test-like pages. Both
    are None where there are no test images or only one member; then nothing is gained."""

    pages: AnsweredPages | None = None
    held_out: HeldOut | None = None

    def record(self) -> dict[str, Any]:
        """`macro_f1` and `accuracy`, expected on the test images; `members`; and, where there are several,
        `brier_member` on the test images, as measured out of fold on test-like pages and moved as confidences move,
        `spread` on the test images, and the `temperature`.
        """
        if self.pages is None or self.held_out is None:
            return {"macro_f1": 0.0, "accuracy": 0.0, "members": 1}
        brier = float(self.held_out.briers.mean()) + self._harder()
        return {**self.pages.gain(brier), "members": len(self.pages.members)}

    def shift(self) -> dict[str, float]:
        """`macro_f1` and `accuracy` that one member expects of itself on the test images, less those on test-like
        pages."""
        if self.pages is None or self.held_out is None:
            return {"macro_f1": 0.0, "accuracy": 0.0}
        asked = self.pages.members.reshape(-1, self.pages.members.shape[2])
        both = [(own, own.argmax(axis=1)) for own in (asked, self.held_out.probabilities)]
        scores = {"macro_f1": expected_macro_f1, "accuracy": expected_accuracy}
        return {name: score(*both[0]) - score(*both[1]) for name, score in scores.items()}

    def _harder(self) -> float:
        """The Brier score that one member expects of itself on the test images, less that on test-like pages."""
        if self.pages is None or self.held_out is None:
            return 0.0
        asked, held_out = self.pages.members, self.held_out.probabilities
        return float(np.square(held_out).sum(axis=1).mean() - np.square(asked).sum(axis=2).mean())

    def draw(self, count: int, rng: np.random.Generator) -> Floats:
        """(count,) gains in macro-F1 by bootstraps of held-out groups and of test images."""
        if self.pages is None or self.held_out is None:
            return np.zeros(count)
        codes = np.unique(self.held_out.groups, return_inverse=True)[1]
        sums, sizes = np.bincount(codes, self.held_out.briers), np.bincount(codes)
        drawn = [
            rng.multinomial(number, np.full(number, 1 / number), count) for number in (len(sizes), len(self.pages))
        ]
        briers = drawn[0] @ sums / (drawn[0] @ sizes) + self._harder()
        return np.array([self.pages.gain(*each)["macro_f1"] for each in zip(briers, drawn[1], strict=True)])


NO_GAIN = EnsembleGain()
"""Of one member, or of no test images."""


def ensemble_gain(
    test_members: pd.DataFrame,
    oof_members: pd.DataFrame,
    plan: VotePlan,
    by_fold: Mapping[int, VotePlan],
    noise: LabelNoise | None = None,
) -> EnsembleGain:
    """Both tables: members of the general models (`views.members_of`); here a member is what one fold's models predict
    together, by the vote and weights of `plan`, out of fold of the plan that the other folds chose. Held-out pages are
    judged by what is believed of their true labels, without `noise` by their labels.
    """
    if test_members.empty:
        return NO_GAIN
    members = _stack(fold_votes(test_members, plan))
    if len(members) < 2:
        return NO_GAIN
    own = judged(oof_members, "predictions of members")
    seen = mean_over_members(fold_votes(own, by_fold))
    answers = seen[probability_columns(seen)].to_numpy(np.float64)
    truth = certain_truth(seen) if noise is None else noise.belief[noise.rows_of(seen["image_id"])]
    temperature = fit_temperature(answers, truth)
    members, answers = temper(members, temperature), temper(answers, temperature)
    return EnsembleGain(AnsweredPages(members), HeldOut(answers, truth, seen["group"].to_numpy(str)))


def expected_macro_f1(belief: Floats, answers: Integers) -> float:
    """Macro-F1 of the answers (N,) with the expected counts, if labels are distributed as `belief` (N, C); a page
    counts as much as its row sums to.
    """
    own, weights = belief[np.arange(len(answers)), answers], belief.sum(axis=1)
    hits, claimed = (np.bincount(answers, each, minlength=belief.shape[1]) for each in (own, weights))
    return float(np.mean(2 * hits / np.maximum(belief.sum(axis=0) + claimed, 1e-12)))


def expected_accuracy(belief: Floats, answers: Integers) -> float:
    """Share of right answers, if labels are distributed as `belief`, rows counting by their sums."""
    return float(belief[np.arange(len(answers)), answers].sum() / belief.sum())


def _stack(members: pd.DataFrame) -> Floats:
    """(M, N, C), a member per fold, images in the order of their ids."""
    columns = probability_columns(members)
    parts = [mean_over_members(own)[["render_id", *columns]] for _, own in members.groupby("fold")]
    if any(part["render_id"].tolist() != parts[0]["render_id"].tolist() for part in parts):
        raise InputError(
            "Expected every member to have predicted the same test images, but they differ; "
            "run the prediction of every fold again."
        )
    return np.stack([part[columns].to_numpy(np.float64) for part in parts])
