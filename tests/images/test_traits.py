import cv2
import numpy as np
import pytest

from docsort.images.resizing import shrink_to_area
from docsort.images.traits import AREA, TRAITS, page_traits


def draw_page(height: int = 300, width: int = 220) -> np.ndarray:
    rng = np.random.default_rng(0)
    page = np.full((height, width, 3), (235, 228, 210), np.uint8)
    page[10:40, 10:120] = (30, 60, 160)
    for top in range(60, height - 10, 14):
        cv2.line(page, (12, top), (int(rng.integers(60, width - 20)), top), (40, 40, 60), 2)
    return page


def traits(page: np.ndarray) -> dict[str, float]:
    return dict(zip(TRAITS, page_traits(page).tolist(), strict=True))


def test_every_trait_has_a_finite_value_also_of_odd_pages() -> None:
    for page in (
        draw_page(),
        np.zeros((1, 1, 3), np.uint8),
        np.full((3, 900, 3), 255, np.uint8),
        draw_page(2000, 1500),
    ):
        values = page_traits(page)
        assert values.shape == (len(TRAITS),)
        assert values.dtype == np.float32
        assert np.isfinite(values).all()


@pytest.mark.parametrize(
    ("damaged", "rises", "falls"),
    [
        (lambda p: cv2.GaussianBlur(p, (0, 0), 2), [], ["sharpness_1", "sharpness_2"]),
        (lambda p: cv2.addWeighted(p, 0.6, np.full_like(p, 255), 0.4, 0), ["brightness"], ["contrast", "saturation"]),
        (lambda p: np.repeat(p.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2), [], ["saturation_coarse"]),
        (lambda p: cv2.copyMakeBorder(p, 40, 40, 40, 40, cv2.BORDER_CONSTANT, value=(255,) * 3), ["white_border"], []),
        (lambda p: np.rot90(p).copy(), ["aspect"], []),
    ],
)
def test_damage_shows_in_the_trait_that_is_made_for_it(damaged, rises, falls) -> None:
    before, after = traits(draw_page()), traits(damaged(draw_page()))
    for name in rises:
        assert after[name] > before[name]
    for name in falls:
        assert after[name] < before[name]


def test_noise_of_each_channel_is_told_from_grey_noise() -> None:
    rng = np.random.default_rng(1)
    page = draw_page()
    grey = np.clip(page + rng.normal(0, 15, (*page.shape[:2], 1)), 0, 255).astype(np.uint8)
    coloured = np.clip(page + rng.normal(0, 15, page.shape), 0, 255).astype(np.uint8)
    assert traits(grey)["noise"] > traits(page)["noise"] + 5
    assert traits(coloured)["colour_grain"] > traits(grey)["colour_grain"] + 1


def test_traits_of_large_pages_do_not_depend_on_their_resolution() -> None:
    small, large = draw_page(600, 450), cv2.resize(draw_page(600, 450), (900, 1200), interpolation=cv2.INTER_CUBIC)
    one, other = traits(small), traits(large)
    for name in ("brightness", "contrast", "saturation", "aspect", "ink_0_0", "along_0", "across_0"):
        assert one[name] == pytest.approx(other[name], abs=0.04 * max(1, abs(one[name])))


def test_a_page_is_shrunk_to_the_area_and_never_enlarged() -> None:
    assert np.prod(shrink_to_area(draw_page(2000, 1000), AREA).shape[:2]) == pytest.approx(AREA, rel=0.01)
    assert shrink_to_area(draw_page(50, 40), AREA).shape == (50, 40, 3)
