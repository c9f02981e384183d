"""Importance weights of damaged pages, and the damage parameters estimated from them; used by `damage_fit`.

Legend of shapes: N damaged pages, M test pages, T traits.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.augmentation.damage import Damage
from docsort.augmentation.parameters import DAMAGE_BOUNDS, DamageParameters, Range, widen

LARGEST_ODDS = 30.0
"""A page weighs at most this many times what an average one does: a few lucky pages must not speak for all."""

FEWEST_EVENTS = 12.0
"""Effective pages below which a range is left as it was."""

SHARE_LIMITS = (0.08, 0.92)
"""Proposals keep shares within these, so that a kind of damage that was thought rare can be found to be common."""

WIDENING = 1.5

KINDS: Mapping[str, tuple[str, str, str]] = {
    "blur": ("blur_share", "blur_sigma", "blur_sigma"),
    "noise": ("noise_share", "noise_sd", "noise_sd"),
    "jpeg": ("jpeg_share", "jpeg_quality", "jpeg_quality"),
    "fade": ("fade_share", "fade_amount", "fade"),
    "darken": ("darken_share", "darken_amount", "darken"),
    "drain": ("drain_share", "drain_saturation", "saturation"),
    "crop": ("crop_share", "crop_amount", "crop_amount"),
    "mix": ("mix_share", "mix_weight", "mix_weight"),
    "paste": ("paste_share", "paste_size", "paste_size"),
    "stretch": ("stretch_share", "stretch_ratio", "stretch_ratio"),
    "warp": ("warp_share", "warp_amount", "warp_amount"),
}
"""Kind: the parameters of its share and its range, and the number of `Damage` that was drawn from the range."""

FLAGS = ("mirror_share", "flip_share", "grey_share", "coloured_noise_share")
"""Shares of damage that has no amount."""

TELLING_AUC = 0.62
TELLING_R2 = 0.1
"""Less than this, of telling from the traits whether something was done, and how much, and the fit leaves it alone."""

GROWN: Mapping[str, Any] = {
    "max_leaf_nodes": 8,
    "max_features": 0.3,
    "l2_regularization": 5.0,
    "early_stopping": False,
    "random_state": 0,
}

NEUTRAL = Damage()

Floats = NDArray[np.float64]
Traits = NDArray[np.float32]


def propose(parameters: DamageParameters) -> DamageParameters:
    """Broader than what is believed: every kind of damage occurs, with ranges that reach beyond."""
    values = parameters.model_dump()
    for share, span, _ in KINDS.values():
        values[share] = float(np.clip(values[share], *SHARE_LIMITS))
        values[span] = widen(values[span], WIDENING, DAMAGE_BOUNDS[span])
    for share in FLAGS:
        values[share] = float(np.clip(values[share], *SHARE_LIMITS))
    rest = 1 - values["uniform_rotation_share"] - values["quarter_rotation_share"]
    mix = np.clip([values["uniform_rotation_share"], values["quarter_rotation_share"], rest], 0.15, None)
    values["uniform_rotation_share"], values["quarter_rotation_share"] = (float(v) for v in mix[:2] / mix.sum())
    values["rotation_sd"] = min(12.0, max(2.0, WIDENING * values["rotation_sd"]))
    return DamageParameters(**values)


def importance_weights(traits: Traits, groups: Sequence[str], wanted: Traits, seed: int) -> tuple[Floats, float]:
    """Weights (N,) of the rows of `traits` (N, T), mean 1, by how much each looks like those of `wanted` (M, T), and
    the AUC of telling the two apart, 0.5 to 1. Out of fold by group, so that no page is judged by its own copies.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    values = np.concatenate([traits, wanted])
    origin = np.repeat([0, 1], [len(traits), len(wanted)])
    names = pd.factorize(np.asarray(groups))[0]
    rng = np.random.default_rng(seed)
    fold_of = rng.permutation(names.max() + 1) % 5
    folds = np.concatenate([fold_of[names], rng.permutation(len(wanted)) % 5])
    chances = np.empty(len(values))
    with threadpool_limits(limits=1):
        for fold in range(5):
            model = HistGradientBoostingClassifier(max_iter=80, **GROWN)
            model.fit(values[folds != fold], origin[folds != fold])
            chances[folds == fold] = model.predict_proba(values[folds == fold])[:, 1]
    auc = max(0.5, float(roc_auc_score(origin, chances)))
    own = np.clip(chances[: len(traits)], 1e-4, 1 - 1e-4)
    odds = own / (1 - own) * len(traits) / len(wanted)
    odds = np.minimum(odds / odds.mean(), LARGEST_ODDS)
    return odds / odds.mean(), auc


def read_off(drawn: pd.DataFrame, traits: Traits, weights: Floats, before: DamageParameters) -> DamageParameters:
    """The parameters whose draws look like the weighted draws: shares are weighted shares, ranges have the weighted
    mean and standard deviation, the rotation mix is fitted by expectation maximisation.

    A share or a range that the traits do not tell stays as it was `before`.
    """
    values = before.model_dump()
    noisy = drawn["noise_sd"].to_numpy(float) > 0
    coloured = drawn["saturation"].to_numpy(float) > 0  # what is grey says nothing of draining
    everywhere = np.ones(len(drawn), dtype=bool)
    for share, span, number in KINDS.values():
        amounts = drawn[number].to_numpy(float)
        where = coloured if number == "saturation" else everywhere
        happened = (amounts != getattr(NEUTRAL, number)) & where
        if tells_event(traits[where], happened[where]) >= TELLING_AUC:
            values[share] = float(weights[happened].sum() / weights[where].sum())
        if (
            effective(weights[happened]) >= FEWEST_EVENTS
            and tells_amount(traits[happened], amounts[happened]) >= TELLING_R2
        ):
            values[span] = moments_to_range(amounts[happened], weights[happened], DAMAGE_BOUNDS[span])
    flags = {
        "mirror_share": (drawn["mirror"].to_numpy(bool), everywhere),
        "flip_share": (drawn["flip"].to_numpy(bool), everywhere),
        "grey_share": (~coloured, everywhere),
        "coloured_noise_share": (drawn["noise_coloured"].to_numpy(bool), noisy),
    }
    for share, (happened, where) in flags.items():
        if effective(weights[where]) >= FEWEST_EVENTS and tells_event(traits[where], happened[where]) >= TELLING_AUC:
            values[share] = float(weights[happened & where].sum() / weights[where].sum())
    values |= rotation_mix(drawn["degrees"].to_numpy(float), weights)
    return DamageParameters(**{name: _rounded(value) for name, value in values.items()})


def tells_event(traits: Traits, happened: NDArray[np.bool_]) -> float:
    """Cross-validated AUC of seeing in the traits whether it happened; 0.5 where nearly all or none did."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    if min(happened.sum(), (~happened).sum()) < 2 * FEWEST_EVENTS:
        return 0.5
    model = HistGradientBoostingClassifier(max_iter=40, **GROWN)
    chances = _across_halves(lambda own, other: model.fit(*own).predict_proba(other)[:, 1], traits, happened)
    return float(roc_auc_score(happened, chances))


def tells_amount(traits: Traits, amounts: Floats) -> float:
    """Cross-validated share of the variance of the amount that the traits explain."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    if len(amounts) < 4 * FEWEST_EVENTS or amounts.std() == 0:
        return 0.0
    model = HistGradientBoostingRegressor(max_iter=40, **GROWN)
    guesses = _across_halves(lambda own, other: model.fit(*own).predict(other), traits, amounts)
    return float(1 - np.square(guesses - amounts).mean() / amounts.var())


def _across_halves(learn: Callable[[tuple[Any, Any], Traits], Floats], traits: Traits, truth: Any) -> Floats:
    """What learning from each half, at one thread, says of the other: (N,)."""
    from threadpoolctl import threadpool_limits

    half = np.arange(len(traits)) % 2 == 0
    said = np.empty(len(traits))
    with threadpool_limits(limits=1):
        for own in (half, ~half):
            said[~own] = learn((traits[own], truth[own]), traits[~own])
    return said


def moments_to_range(amounts: Floats, weights: Floats, bounds: Range) -> Range:
    """The uniform range of this mean and standard deviation, within the bounds and what was drawn."""
    mean = float(np.average(amounts, weights=weights))
    half = float(np.sqrt(3 * np.average((amounts - mean) ** 2, weights=weights)))
    low, high = max(bounds[0], float(amounts.min())), min(bounds[1], float(amounts.max()))
    return max(low, mean - half), min(high, mean + half)


def _rounded(value: float | Range) -> float | Range:
    return tuple(round(v, 4) for v in value) if isinstance(value, tuple) else round(value, 4)  # type: ignore[return-value]


def effective(weights: Floats) -> float:
    """How many pages of equal weight would tell as much (Kish 1965)."""
    squares = float(np.square(weights).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def rotation_mix(degrees: Floats, weights: Floats, rounds: int = 50) -> dict[str, float]:
    """Shares of a mixture of any angle, near a quarter-turn and near upright, the latter two with one spread."""
    off = (degrees + 45) % 90 - 45
    upright = np.abs(degrees - off) < 1
    uniform, quarter, sd = 0.4, 0.3, 5.0
    total = weights.sum()
    for _ in range(rounds):
        peak = np.exp(-0.5 * (off / sd) ** 2) / (sd * np.sqrt(2 * np.pi))
        anywhere = np.full(len(off), uniform / 360)
        near = np.where(upright, (1 - uniform - quarter) * peak, quarter * peak / 3)
        chance = near / np.maximum(near + anywhere, 1e-12) * weights
        share = chance.sum() / total
        turned = chance[~upright].sum() / total
        uniform, quarter = 1 - share, turned
        sd = float(np.clip(np.sqrt((chance * off**2).sum() / max(chance.sum(), 1e-9)), 0.3, 20.0))
    uniform, quarter = max(0.0, float(uniform)), max(0.0, float(quarter))
    return {"uniform_rotation_share": uniform, "quarter_rotation_share": quarter, "rotation_sd": sd}
