from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from docsort_sample.damage import Damage, apply_damage, draw_damage
from docsort_sample.photo import MOST_PIXELS
from docsort_sample.randomness import derive_rng

NONE = Damage(0, 0, None, False, False, 0, True, (1, 1, 1), ("none", 0), 0, 0)


@pytest.fixture
def photo() -> NDArray[np.uint8]:
    """Full size already, so that only the damage itself changes anything."""
    return derive_rng(1, "photo").integers(0, 256, (512, 512, 3), dtype=np.uint8)


def damaged(photo: NDArray[np.uint8], other: NDArray[np.uint8] | None = None, **changes: Any) -> NDArray[np.uint8]:
    return apply_damage(photo, other, replace(NONE, **changes), derive_rng(1, "apply"))


def test_no_damage_leaves_the_photo_as_it_is(photo: NDArray[np.uint8]) -> None:
    np.testing.assert_allclose(damaged(photo).astype(int), photo, atol=1)


def test_mirrored_and_flipped_are_the_numpy_flips(photo: NDArray[np.uint8]) -> None:
    np.testing.assert_allclose(damaged(photo, mirrored=True).astype(int), photo[:, ::-1], atol=1)
    np.testing.assert_allclose(damaged(photo, flipped=True).astype(int), photo[::-1], atol=1)


def test_a_quarter_turn_is_counter_clockwise(photo: NDArray[np.uint8]) -> None:
    turned = damaged(photo, angle=90.0).astype(int)
    np.testing.assert_allclose(turned[2:-2, 2:-2], np.rot90(photo)[2:-2, 2:-2], atol=2)


def test_the_corners_of_a_turned_photo_are_white(photo: NDArray[np.uint8]) -> None:
    turned = damaged(photo // 2, angle=45.0)
    assert (turned[:20, :20] == 255).all()
    assert turned[250, 250].max() <= 128


def test_mixing_is_the_weighted_mean(photo: NDArray[np.uint8]) -> None:
    other = photo[::-1].copy()
    expected = photo * 0.7 + other * 0.3
    np.testing.assert_allclose(damaged(photo, other, mixed=0.3), expected, atol=2)


def test_a_cut_takes_the_heading_away_and_leaves_the_foot(photo: NDArray[np.uint8]) -> None:
    marked = np.full_like(photo, 100)
    marked[:50], marked[-50:] = 0, 200
    cut = damaged(marked, cut=0.25)
    assert cut.min() == 100
    assert (cut[-20:] == 200).all()


@pytest.mark.parametrize("kind", ["soft", "coarse", "motion"])
def test_every_blur_lowers_the_sharpness(photo: NDArray[np.uint8], kind: str) -> None:
    assert damaged(photo, blur=(kind, 1.0)).std() < 0.8 * photo.std()


def test_sizes_stay_within_those_of_the_real_test_photos() -> None:
    for width, height in ((443, 591), (752, 348)):
        page = np.full((height, width, 3), 90, dtype=np.uint8)
        for index in range(12):
            rng = derive_rng(index, "size")
            damage = replace(draw_damage(rng), mixed=0.0, patch=None)
            h, w = apply_damage(page, None, damage, rng).shape[:2]
            assert 343 <= min(h, w) <= max(h, w) <= 763
            assert h * w <= MOST_PIXELS


def test_damage_is_spread_as_over_the_real_test_photos() -> None:
    drawn = [draw_damage(derive_rng(9, "spread", index)) for index in range(3000)]
    assert np.mean([one.mirrored or one.flipped for one in drawn]) == pytest.approx(0.7, abs=0.03)
    assert np.mean([one.blur[0] != "none" or one.noise > 0 for one in drawn]) > 0.5
    weights = [one.mixed for one in drawn if one.mixed]
    assert 0.2 < len(weights) / len(drawn) < 0.4
    assert 0.2 <= min(weights) <= max(weights) <= 0.4
    # Angles gather about -90, 0 and +90 and leave no direction out.
    bins = np.histogram([one.angle % 360 for one in drawn], bins=24, range=(0, 360))[0]
    assert bins.min() > 30
    assert min(bins[[0, 23]].sum(), bins[5:7].sum(), bins[17:19].sum()) > 2 * bins[11:13].sum()
