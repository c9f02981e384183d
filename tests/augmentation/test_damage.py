import cv2
import numpy as np
import pytest

from docsort.augmentation.damage import Damage, apply_damage, damage, draw_damage, turn_on_white
from docsort.augmentation.parameters import DamageParameters

NONE = {name: 0.0 for name in DamageParameters.model_fields if name.endswith("_share")} | {"rotation_sd": 0.0}


def draws(parameters: DamageParameters, count: int = 4000) -> list[Damage]:
    return [draw_damage(parameters, np.random.default_rng(seed)) for seed in range(count)]


def test_shares_are_what_the_parameters_say():
    parameters = DamageParameters()
    drawn = draws(parameters)

    def share(condition) -> float:
        return float(np.mean([condition(one) for one in drawn]))

    assert share(lambda one: one.mirror) == pytest.approx(parameters.mirror_share, abs=0.03)
    assert share(lambda one: one.mirror or one.flip) == pytest.approx(0.7, abs=0.03)
    assert share(lambda one: one.blur_sigma > 0) == pytest.approx(parameters.blur_share, abs=0.03)
    assert share(lambda one: one.noise_sd > 0) == pytest.approx(parameters.noise_share, abs=0.03)
    assert share(lambda one: one.fade > 0) == pytest.approx(parameters.fade_share, abs=0.03)
    assert share(lambda one: one.saturation == 0) == pytest.approx(parameters.grey_share, abs=0.03)
    assert share(lambda one: one.mix_weight > 0) == pytest.approx(parameters.mix_share, abs=0.03)
    assert share(lambda one: one.paste_size > 0) == pytest.approx(parameters.paste_share, abs=0.02)
    assert share(lambda one: one.crop_side == 0) == pytest.approx(0.625, abs=0.03)


def test_the_rotation_mix_has_its_peaks_at_the_quarter_turns():
    parameters = DamageParameters(uniform_rotation_share=0.4, quarter_rotation_share=0.3, rotation_sd=4)
    degrees = np.array([one.degrees for one in draws(parameters)])
    assert degrees.min() >= -180
    assert degrees.max() < 180
    upright = np.abs(degrees) < 12
    quarters = np.minimum(np.abs(np.abs(degrees) - 90), 180 - np.abs(degrees)) < 12
    # the uniform share adds 24/360 to each peak of width 24 degrees
    assert upright.mean() == pytest.approx(0.3 + 0.4 * 24 / 360, abs=0.03)
    assert quarters.mean() == pytest.approx(0.3 + 0.4 * 72 / 360, abs=0.03)


def test_values_stay_in_their_ranges():
    parameters = DamageParameters()
    for one in draws(parameters, 500):
        for name, span in {"blur_sigma": "blur_sigma", "noise_sd": "noise_sd", "fade": "fade_amount"}.items():
            value, (low, high) = getattr(one, name), getattr(parameters, span)
            assert value == 0 or low <= value <= high


def test_changing_one_share_leaves_the_other_draws_alone():
    few, many = DamageParameters(fade_share=0.1), DamageParameters(fade_share=0.9)
    for one, other in zip(draws(few, 50), draws(many, 50), strict=True):
        assert (one.blur_sigma, one.degrees, one.seed) == (other.blur_sigma, other.degrees, other.seed)


def test_no_damage_is_the_page_itself(page, partner):
    parameters = DamageParameters(**NONE)
    np.testing.assert_array_equal(damage(page, partner, parameters, np.random.default_rng(0)), page)


def test_any_damage_gives_a_picture_and_leaves_the_page_as_it_was(page, partner):
    before = page.copy()
    for seed in range(40):
        made = damage(page, partner, DamageParameters(), np.random.default_rng(seed))
        assert made.dtype == np.uint8
        assert made.shape[2] == 3
        assert min(made.shape[:2]) >= 80
        assert max(made.shape[:2]) <= 320
        again = damage(page, partner, DamageParameters(), np.random.default_rng(seed))
        np.testing.assert_array_equal(made, again)
    np.testing.assert_array_equal(page, before)


def test_a_turn_loses_nothing_and_fills_with_white():
    dark = np.zeros((100, 60, 3), np.uint8)
    for degrees in (17.0, 45.0, 133.0, -88.0):
        turned = turn_on_white(dark, degrees)
        assert (turned < 128).all(axis=2).sum() == pytest.approx(6000, rel=0.03)
        assert turned[0, 0].tolist() == [255, 255, 255]
    np.testing.assert_array_equal(turn_on_white(turn_on_white(dark, 90.0), -90.0), dark)


def test_a_turn_is_counter_clockwise(page):
    np.testing.assert_array_equal(turn_on_white(page, 90.0), np.rot90(page))
    nearly = cv2.resize(turn_on_white(page, 89.5), (220, 160)).astype(int)
    assert np.abs(nearly - np.rot90(page)).mean() < np.abs(nearly - np.rot90(page, 3)).mean()


def test_each_damage_moves_its_own_measure(page, partner):
    def sharpness(image) -> float:
        return float(cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())

    def colour(image) -> float:
        return float(np.ptp(image.astype(int), axis=2).mean())

    assert apply_damage(page, None, Damage(fade=0.3)).mean() > page.mean()
    assert apply_damage(page, None, Damage(darken=0.3)).mean() < page.mean()
    assert sharpness(apply_damage(page, None, Damage(blur_sigma=4))) < 0.5 * sharpness(page)
    assert colour(apply_damage(page, None, Damage(saturation=0.0))) == 0
    assert apply_damage(page, None, Damage(crop_amount=0.2)).shape == (176, 160, 3)
    mixed = apply_damage(page, partner, Damage(mix_weight=0.4)).astype(int)
    stretched = cv2.resize(partner, (160, 220)).astype(int)
    assert np.abs(mixed - (0.6 * page + 0.4 * stretched)).max() <= 2
    pasted = apply_damage(page, partner, Damage(paste_size=0.3, seed=3))
    assert 0 < (pasted != page).any(axis=2).mean() < 0.1
