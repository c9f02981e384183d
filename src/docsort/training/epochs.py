"""The random draws of one epoch, apart from what they are applied to.

Everything is drawn from (seed, task, epoch) before the epoch begins, so no draw depends on workers, on where the pages
come from, or on what happened before: any epoch can be had again by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from docsort.chunks import chunks
from docsort.images.dihedral import TURNS
from docsort.seeding import derive_rng
from docsort.training.parameters import Stage, TrainingParameters

Weights = NDArray[np.float64] | None
TURN_CHOICES = {"none": (0,), "flips": (0, 2, 4, 6), "all": tuple(TURNS)}
"""Dihedral turns by their name in a stage; 2 is half a turn, 4 and 6 mirror left to right and top to bottom."""


class Mix(NamedTuple):
    """How the pages of a batch are mixed: `share` of each page's own label; `box`, the part of the page that comes from
    its partner (top, bottom, left, right; shares of the sides), or None where the whole page is blended.
    """

    share: float = 1.0
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class EpochPlan:
    """rows: the row numbers of each batch. turns, contrast, brightness: one value a row of the training table.

    turns: 0 to 7. contrast: factor. brightness: share of the whole range. mix: one a batch. source: what the draws come
    from, (seed, task, epoch): what is too large to hold for a whole epoch is drawn batch by batch from it.
    """

    rows: list[NDArray[np.int64]]
    turns: NDArray[np.int64]
    contrast: NDArray[np.float32]
    brightness: NDArray[np.float32]
    mix: list[Mix]
    stage: Stage
    source: tuple[int, str, int]


def plan_epoch(
    count: int,
    parameters: TrainingParameters,
    seed: int,
    name: str,
    epoch: int,
    weights: NDArray[np.float64] | None = None,
    world: int = 1,
) -> EpochPlan:
    """The plan of one epoch over `count` rows: each once, or, with `weights` (N,), drawn with replacement.

    A row drawn twice is shown alike. A last batch that leaves any of `world` processes less than two rows is left out,
    because batch normalisation needs two.
    """
    order = derive_rng(seed, "training order", name, epoch)
    drawn = order.permutation(count) if weights is None else order.choice(count, count, p=weights / weights.sum())
    rows = list(chunks(drawn, parameters.batch_size))
    if len(rows) > 1 and len(rows[-1]) < 2 * world:
        rows.pop()
    views = derive_rng(seed, "training views", name, epoch)
    stage = parameters.stage_in(epoch)
    choice = np.array(TURN_CHOICES[stage.turns])
    turns = choice[views.integers(0, len(choice), count)]
    contrast = 1 + parameters.jitter * views.uniform(-1, 1, count)
    brightness = parameters.jitter / 2 * views.uniform(-1, 1, count)
    mixing = derive_rng(seed, "mixup", name, epoch)
    mixes = parameters.mixes_in(epoch)
    mix = [_draw_mix(parameters, mixing) if mixes else Mix() for _ in rows]
    source = (seed, name, epoch)
    return EpochPlan(rows, turns, contrast.astype(np.float32), brightness.astype(np.float32), mix, stage, source)


def row_weights(labels: NDArray[np.int64], targets: Sequence[int], parameters: TrainingParameters) -> Weights:
    """(N,) how often each row is drawn, in proportion, or None where each comes once an epoch.

    labels: output numbers (N,); targets: class numbers of the outputs.
    """
    if parameters.sampling == "plain" and not parameters.oversample:
        return None
    counts = np.bincount(labels, minlength=len(targets))
    balance = 1 / np.maximum(counts, 1) if parameters.sampling == "balanced" else np.ones(len(targets))
    factors = np.array([parameters.oversample.get(int(target), 1.0) for target in targets])
    return np.asarray((balance * factors)[labels], dtype=np.float64)


def _draw_mix(parameters: TrainingParameters, rng: np.random.Generator) -> Mix:
    """Mixup, or cutmix (Yun et al., ICCV 2019), by turns of a fair coin where both are on."""
    if parameters.cutmix and (not parameters.mixup or rng.random() < 0.5):
        side = float(np.sqrt(1 - rng.beta(parameters.cutmix, parameters.cutmix)))
        middle = rng.uniform(0, 1, 2)
        top, left = (max(0.0, float(place) - side / 2) for place in middle)
        bottom, right = (min(1.0, float(place) + side / 2) for place in middle)
        return Mix(1 - (bottom - top) * (right - left), (top, bottom, left, right))
    return Mix(float(rng.beta(parameters.mixup, parameters.mixup)))
