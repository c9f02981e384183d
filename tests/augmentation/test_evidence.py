"""Reading damage off weighted pages, where what was done is known."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from docsort.augmentation.damage import draw_damage
from docsort.augmentation.evidence import (
    effective,
    importance_weights,
    moments_to_range,
    propose,
    read_off,
    rotation_mix,
    tells_amount,
    tells_event,
)
from docsort.augmentation.parameters import DamageParameters


def drawn_by(parameters: DamageParameters, count: int, seed: int) -> pd.DataFrame:
    return pd.DataFrame([asdict(draw_damage(parameters, np.random.default_rng([seed, i]))) for i in range(count)])


def as_traits(drawn: pd.DataFrame) -> np.ndarray:
    """Traits that show everything: the drawn numbers themselves, angles as points of a circle."""
    numbers = drawn.drop(columns=["seed", "degrees"]).astype(float)
    radians = np.radians(drawn["degrees"])
    return np.column_stack([numbers, np.cos(radians), np.sin(radians)]).astype(np.float32)


def test_what_traits_show_is_found_and_what_they_hide_is_left_alone() -> None:
    before = DamageParameters()
    true = before.model_copy(
        update={"blur_share": 0.8, "blur_sigma": (1.5, 2.5), "fade_share": 0.1, "mirror_share": 0.9, "warp_share": 0.8}
    )
    wanted, found = drawn_by(true, 1500, 1), before
    hidden = ["warp_amount"]
    for number in range(2):
        drawn = drawn_by(propose(found), 1500, 2 + number)
        traits = as_traits(drawn.drop(columns=hidden))
        weights, _ = importance_weights(
            traits, [str(i) for i in range(len(drawn))], as_traits(wanted.drop(columns=hidden)), 0
        )
        found = read_off(drawn, traits, weights, found)
    assert found.blur_share == pytest.approx(0.8, abs=0.08)
    assert found.blur_sigma == pytest.approx((1.5, 2.5), abs=0.3)
    assert found.fade_share == pytest.approx(0.1, abs=0.08)
    assert found.mirror_share == pytest.approx(0.9, abs=0.1)
    assert (found.warp_share, found.warp_amount) == (before.warp_share, before.warp_amount)


def test_the_rotation_mix_is_read_from_angles() -> None:
    true = DamageParameters(uniform_rotation_share=0.3, quarter_rotation_share=0.5, rotation_sd=4)
    degrees = drawn_by(true, 6000, 0)["degrees"].to_numpy()
    mix = rotation_mix(degrees, np.ones(len(degrees)))
    assert mix["uniform_rotation_share"] == pytest.approx(0.3, abs=0.05)
    assert mix["quarter_rotation_share"] == pytest.approx(0.5, abs=0.05)
    assert mix["rotation_sd"] == pytest.approx(4, abs=0.5)


def test_a_proposal_contains_what_it_is_made_from_and_is_valid() -> None:
    for start in (
        DamageParameters(),
        DamageParameters(uniform_rotation_share=1, quarter_rotation_share=0, noise_share=0),
    ):
        wide = propose(start)
        assert 0.05 <= wide.noise_share <= 0.95
        for name in ("blur_sigma", "noise_sd", "fade_amount", "stretch_ratio"):
            assert getattr(wide, name)[0] <= getattr(start, name)[0]
            assert getattr(wide, name)[1] >= getattr(start, name)[1]
        assert wide.uniform_rotation_share + wide.quarter_rotation_share < 1


def test_pages_that_look_alike_weigh_the_same_and_others_less() -> None:
    rng = np.random.default_rng(0)
    near, far, wanted = (rng.normal(mean, 1, (400, 3)).astype(np.float32) for mean in (0, 4, 0))
    groups = [str(i) for i in range(800)]
    weights, auc = importance_weights(np.concatenate([near, far]), groups, wanted, 0)
    assert weights.mean() == pytest.approx(1)
    assert weights[:400].mean() > 20 * weights[400:].mean()
    assert auc == pytest.approx(0.75, abs=0.05)
    _, none = importance_weights(near, groups[:400], wanted, 0)
    assert none < 0.58


def test_copies_of_one_page_do_not_vouch_for_each_other() -> None:
    rng = np.random.default_rng(0)
    sources, wanted = rng.normal(0, 1, (60, 4)), rng.normal(0, 1, (300, 4)).astype(np.float32)
    copies = np.repeat(sources, 5, axis=0).astype(np.float32)
    _, apart = importance_weights(copies, [str(i) for i in range(300)], wanted, 0)
    _, together = importance_weights(copies, [str(i // 5) for i in range(300)], wanted, 0)
    assert together < apart - 0.1


def test_effective_counts_pages_of_equal_weight() -> None:
    assert effective(np.ones(40)) == pytest.approx(40)
    assert effective(np.array([1.0, 0, 0, 0])) == pytest.approx(1)
    assert effective(np.zeros(3)) == 0


def test_a_range_has_the_moments_of_what_was_weighted() -> None:
    amounts = np.random.default_rng(0).uniform(0, 10, 20_000)
    inside = ((amounts > 3) & (amounts < 5)).astype(float)
    assert moments_to_range(amounts, inside, (0, 10)) == pytest.approx((3, 5), abs=0.1)
    assert moments_to_range(amounts, np.ones(len(amounts)), (1, 8)) == (1, 8)


def test_telling_needs_traits_that_tell() -> None:
    rng = np.random.default_rng(0)
    happened, amounts = rng.random(400) < 0.5, rng.uniform(0, 1, 400)
    telling = np.column_stack([happened + rng.normal(0, 0.3, 400), amounts]).astype(np.float32)
    blind = rng.normal(0, 1, (400, 3)).astype(np.float32)
    assert tells_event(telling, happened) > 0.9
    assert tells_event(blind, happened) < 0.6
    assert tells_amount(telling, amounts) > 0.8
    assert tells_amount(blind, amounts) < 0.1
    assert tells_event(telling, np.ones(400, dtype=bool)) == 0.5
    assert tells_amount(telling[:5], amounts[:5]) == 0
