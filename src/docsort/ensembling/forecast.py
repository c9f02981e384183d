"""What the submission will score against right labels, and how surely.

Measured are the answers out of fold, on test-like pages, against labels as they were given. Between that and the score
of the submission stand, each as a term with a value and an interval of its own:

- **label_noise**: what the score is above that against the given labels, if labels are as `ensembling.label_noise`
  believes. A model that learnt a wrong label and gives it is wrong, too.
- **mean_gain**: out of fold one fold's members answer, on test images the mean of all (`ensembling.gain`).
- **test_shift**: how much harder or easier the test images are for a member than the test-like pages, by how sure it is
  of either. What makes it as sure and yet wrong this does not see, and where it is less sure it need not err as much
  more. One run cannot tell how much of it holds, so its interval reaches from none of it to twice as much.
- **ambiguity**: other pages could have been held out, and few pages are asked. Its value is 0, for luck has no
  direction; its interval is that of the score of as many pages as there are test images, were both drawn anew, with
  mistakes that no held-out page shows (`metrics.draw_unseen_errors`).

The forecast is the measured score and these; its interval is of their sum, draw by draw. A draw has its own held-out
groups (bootstrap), true labels, test pages and gain. What is sure of itself on pages that happen to be easy knows so:
the test images' own confidences take a part of the luck away, and the interval of the sum is narrower than its parts.

Legend of shapes: N test-like pages, S sources, C classes, B draws.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from docsort.ensembling.gain import EnsembleGain, expected_accuracy, expected_macro_f1
from docsort.ensembling.label_noise import LabelNoise, describe_label_noise
from docsort.ensembling.reliability import Floats, Integers, places_of, truth_of
from docsort.metrics import accuracy, draw_unseen_errors, macro_f1
from docsort.seeding import derive_rng
from docsort.tables import judged, probability_columns, targets_of

SHIFT_SD = 0.5
"""Standard deviation of the share of `test_shift` that holds, around 1: 95 % of its draws are between none of it and
twice as much."""

GAINS = 200
"""Different draws of the gain, each of which costs as much as ten of the others."""


@dataclass(frozen=True)
class Luck:
    """draws: of the bootstrap; confidence: level of the intervals, in (0.5, 1); seed: root seed."""

    draws: int
    confidence: float
    seed: int


@dataclass(frozen=True, eq=False)
class Drawn:
    """(B,) macro-F1 of the answers to drawn held-out pages, by given and by right labels; of the answers to as many
    drawn pages as there are test images, by right labels and with unseen mistakes, and as expected there; and the gain
    of the mean."""

    given: Floats
    right: Floats
    test: Floats
    expected: Floats
    gain: Floats


def forecast_score(
    oof_votes: pd.DataFrame, noise: LabelNoise, gain: EnsembleGain, test_images: int, luck: Luck
) -> dict[str, Any]:
    """JSON-able: `macro_f1`, `accuracy` and `interval` [low, high] against right labels, `n` test-like pages and
    `groups`; `given`: the first three against labels as given, if those of the test images were as often wrong;
    `terms`: ambiguity, label_noise, mean_gain, test_shift, each `value`, `low` and `high`, in macro-F1, and `accuracy`;
    `ensemble_gain`: the record of `gain`.

    oof_votes: VOTES out of fold; test_images: how many are asked; 0: the interval is of the score on any number.
    """
    seen = judged(oof_votes, "validation votes").sort_values("render_id")
    added, shift = gain.record(), gain.shift()
    labels, answers = truth_of(seen), places_of(seen["predicted"], targets_of(probability_columns(seen)))
    rows = noise.rows_of(seen["image_id"])
    truth = noise.draw(luck.draws, derive_rng(luck.seed, "true labels"))
    drawn = _draw(seen["group"], labels, answers, truth[:, rows], gain, test_images, luck)
    belief, told = noise.belief[rows], np.eye(noise.belief.shape[1])[labels]
    mended = {
        "macro_f1": expected_macro_f1(belief, answers) - expected_macro_f1(told, answers),
        "accuracy": expected_accuracy(belief, answers) - expected_accuracy(told, answers),
    }
    own = {"macro_f1": macro_f1(labels, answers, answered=True), "accuracy": accuracy(labels, answers)}
    given = {name: own[name] + added[name] + shift[name] for name in own}
    holds = derive_rng(luck.seed, "test shift").normal(1, SHIFT_SD, luck.draws)
    shifted = shift["macro_f1"] * holds - drawn.expected
    lucky, moved = drawn.test - drawn.right, drawn.gain + shifted
    return {
        **_block({name: given[name] + mended[name] for name in own}, drawn.test + moved, luck),
        "n": len(seen),
        "groups": int(seen["group"].nunique()),
        "given": _block(given, drawn.given + lucky + moved, luck),
        "ensemble_gain": added,
        "terms": {
            "ambiguity": {"value": 0.0, "accuracy": 0.0, **_span(0.0, drawn.given + lucky, luck)},
            "label_noise": {
                **_term(mended, drawn.right - drawn.given, luck),
                **describe_label_noise(noise, truth, luck.confidence),
            },
            "mean_gain": _term(added, drawn.gain, luck),
            "test_shift": _term(shift, shifted, luck),
        },
    }


def _draw(
    names: pd.Series, labels: Integers, answers: Integers, truth: Integers, gain: EnsembleGain, asked: int, luck: Luck
) -> Drawn:
    """names: of the groups (N,); labels, answers (N,); truth: (B, N) drawn true labels; asked: how many test images."""
    rng, codes = derive_rng(luck.seed, "forecast"), np.unique(names.to_numpy(str), return_inverse=True)[1]
    groups = int(codes.max()) + 1
    given, right, test, expected = np.zeros((4, len(truth)))
    for row, own in enumerate(truth):
        weights = rng.multinomial(groups, np.full(groups, 1 / groups))[codes].astype(np.float64)
        pages = rng.multinomial(asked, weights / weights.sum()).astype(np.float64) if asked else weights
        given[row], right[row] = (_macro_f1(each, answers, weights) for each in (labels, own))
        test[row] = _macro_f1(own, answers, pages)
        expected[row] = 0.0 if gain.held_out is None else gain.held_out.expected_macro_f1(pages)
    chance = derive_rng(luck.seed, "unseen errors")
    unseen = draw_unseen_errors(groups, len(truth), chance)
    test *= 1 - (chance.binomial(asked, unseen) / asked if asked else unseen)
    gains = gain.draw(GAINS, rng)
    return Drawn(given, right, test, expected, gains[rng.integers(GAINS, size=len(truth))])


def _macro_f1(truth: Integers, answers: Integers, weights: Floats) -> float:
    """As `metrics.macro_f1` with `answered`, of pages that count `weights` times: (N,) each."""
    size = 1 + max(int(truth.max()), int(answers.max()))
    hits = np.bincount(truth, weights * (truth == answers), size)
    both = np.bincount(truth, weights, size) + np.bincount(answers, weights, size)
    return float(np.mean(2 * hits[both > 0] / both[both > 0]))


def _block(scores: Mapping[str, float], draws: Floats, luck: Luck) -> dict[str, Any]:
    """Nothing scores below 0 or above 1."""
    span = _span(scores["macro_f1"], draws, luck)
    ends = [min(1.0, max(0.0, span[end])) for end in ("low", "high")]
    return {name: min(1.0, max(0.0, value)) for name, value in scores.items()} | {"interval": ends}


def _term(values: Mapping[str, float], draws: Floats, luck: Luck) -> dict[str, float]:
    value = values["macro_f1"]
    return {"value": value, "accuracy": values["accuracy"], **_span(value, draws, luck)}


def _span(value: float, draws: Floats, luck: Luck) -> dict[str, float]:
    """Quantiles of the draws, moved so that their mean is the value: each bootstrap lowers a macro-F1 a little."""
    ends = np.quantile(draws - draws.mean(), [(1 - luck.confidence) / 2, (1 + luck.confidence) / 2])
    return {"low": value + float(ends[0]), "high": value + float(ends[1])}
